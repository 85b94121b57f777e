// Sends the diff of what was just pushed to the Worker, so that plan_diff can answer while this machine sleeps. The diff is only a
// convenience and counts as this machine's claim. A failure is reported and stops nothing.
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_DIFF_PAGES_PER_UPLOAD } from '../../src/shared/protocol.ts'
import type { DiffFile, DiffTotals, DiffUpload } from '../../src/shared/protocol.ts'
import { createDiffPager } from './diff-pages.ts'
import { EMPTY_TREE } from '../git/git.ts'
import { baseIn } from '../plan/journal.ts'
import type { PlanContext } from '../plan/plan-context.ts'

const GIT_TIMEOUT_MS = 5 * 60_000
const UPLOAD_TIMEOUT_MS = 60_000
const RENEWAL_WAIT_MS = 60_000
const FIRST_WAIT_MS = 500
const TRIES = 3
/** Only the beginning of a longer line is kept. */
const MAX_LINE_CHARS = 20_000

/** Options that fix the form of the diff, because a repository's or a user's configuration could change it. */
const CONFIG = ['core.quotePath=false', 'core.attributesFile=/dev/null', 'diff.renames=true']
const OPTIONS = [
  '--no-color --no-ext-diff --no-textconv --patch -O/dev/null --unified=3 --inter-hunk-context=0',
  '--find-renames --src-prefix=a/ --dst-prefix=b/ --submodule=short --ignore-submodules=none',
  '--no-relative --diff-algorithm=default --indent-heuristic',
].flatMap((line) => line.split(' '))
const FORM = [...CONFIG.flatMap((setting) => ['-c', setting]), 'diff', ...OPTIONS]

export async function handInDiff(plan: PlanContext): Promise<void> {
  try {
    const head = await plan.git.must(['rev-parse', 'HEAD'])
    const base = baseIn(plan.journal.records())
    const { pages, totals } = await readDiff(plan, base, head)
    await upload(plan, { head, ...(base === null ? {} : { base }) }, pages, totals)
  } catch (error) {
    const text = `The diff could not be sent to the Worker: ${String(error).slice(0, 300)}`
    plan.report({ kind: 'event', type: 'error', text })
  }
}

export async function readDiff(
  { git, env }: Pick<PlanContext, 'git' | 'env'>,
  base: string | null,
  head: string,
): Promise<{ pages: DiffFile[][]; totals: DiffTotals }> {
  const child = spawn('git', [...FORM, base ?? EMPTY_TREE, head, '--'], {
    cwd: git.checkout,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: GIT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const exited = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (code) => resolve(code ?? 1))
  })
  const pager = createDiffPager()
  await eachLine(child.stdout, (text, isCut) => pager.line(text, isCut))
  const code = await exited
  if (code !== 0) throw new Error(`git diff ended with ${code}`)
  return pager.end()
}

async function eachLine(
  stream: AsyncIterable<Buffer>,
  onLine: (text: string, isCut: boolean) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  let isCut = false
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      onLine(line, isCut)
      isCut = false
    }
    if (rest.length > MAX_LINE_CHARS) {
      rest = rest.slice(0, MAX_LINE_CHARS)
      isCut = true
    }
  }
  if (rest !== '') onLine(rest, isCut)
}

async function upload(
  plan: PlanContext,
  of: Pick<DiffUpload, 'head' | 'base'>,
  pages: DiffFile[][],
  totals: DiffTotals,
): Promise<void> {
  for (let first = 0; first === 0 || first < pages.length; first += MAX_DIFF_PAGES_PER_UPLOAD) {
    const some = pages.slice(first, first + MAX_DIFF_PAGES_PER_UPLOAD)
    const isLast = first + MAX_DIFF_PAGES_PER_UPLOAD >= pages.length
    await post(plan, { ...of, first, pages: some, ...(isLast ? { totals } : {}) })
    plan.report({ kind: 'activity' })
  }
}

async function post(plan: PlanContext, body: DiffUpload): Promise<void> {
  for (let tries = 1; ; tries++) {
    const token = plan.token.current()
    const status = await fetch(`${plan.start.url}/vm/diff`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(UPLOAD_TIMEOUT_MS),
    }).then(
      async (response) => {
        await response.body?.cancel()
        return response.status
      },
      () => 0, // the Worker was not reached: try again as after a 5xx
    )
    if (status === 200) return
    const isFinal = status !== 0 && status !== 401 && status !== 429 && status < 500
    if (isFinal || tries >= TRIES) throw new Error(`the Worker answered ${status}`)
    if (status === 401) await plan.token.renewed(token, RENEWAL_WAIT_MS)
    else await sleep(FIRST_WAIT_MS * 2 ** (tries - 1))
  }
}
