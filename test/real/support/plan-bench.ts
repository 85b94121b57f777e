// A plan's context without its process: a real checkout of a real repository, a journal, and the reported messages. It is for tests
// of parts that work on a checkout; vm.ts runs the whole agent.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { prepareCheckout } from '../../../agent/attempt/checkout.ts'
import { createGit } from '../../../agent/git/git.ts'
import { openJournal } from '../../../agent/plan/journal.ts'
import type { FromPlan } from '../../../agent/machine/plan-pipe.ts'
import { planEnv, writeHome } from '../../../agent/users/environment.ts'
import { newPlanState } from '../../../agent/plan/plan-context.ts'
import type { PlanContext } from '../../../agent/plan/plan-context.ts'
import { createTokenHolder, tokenConfigFile } from '../../../agent/plan/token.ts'
import { makeRepo } from './git-backend.ts'

export const TOKEN = `aer_plan_${'a'.repeat(40)}.${'b'.repeat(43)}`
/** The processes of a plan are found and ended by its id, also those of a test that runs beside this one. */
export const newPlanId = (): string => randomUUID().replace(/^(.{14})./, '$18')

export interface PlanBench extends Disposable {
  folder: string
  plan: PlanContext
  baseHead: string | null
  /** The events that the plan reported. */
  events: { type: string; text: string }[]
  /** Runs git in the checkout, as the model does. */
  git(...args: string[]): string
  /** Runs git in the remote repository. */
  remote(...args: string[]): string
  /** Pushes another person's commit to a branch of the remote. */
  pushBySomebody(files: Record<string, string>, branch?: string): string
  put(path: string, content: string | Buffer): void
  /** True when this text is anywhere in what has ever reached the remote. */
  remoteHas(text: string): boolean
}

export interface PlanBenchOptions {
  files?: Record<string, string>
  text?: string
  start?: Partial<PlanContext['start']>
  /** Called before the checkout is made. */
  arrange?: (remote: (...args: string[]) => string) => void
  /** Folder of the bench. Default: a new temporary folder. */
  folder?: string
}

export async function createPlanBench(options: PlanBenchOptions = {}): Promise<PlanBench> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'ralph-bench-'))
  const { repo, git: remote } = makeRepo(folder, options.files)
  options.arrange?.(remote)
  mkdirSync(join(folder, 'x/vm/git'), { recursive: true })
  symlinkSync(repo, join(folder, 'x/vm/git/sample.git'))
  const [home, checkout] = [join(folder, 'home'), join(folder, 'checkout')]
  mkdirSync(home)
  mkdirSync(checkout)
  writeHome(home, repo)
  const id = newPlanId()
  const env = {
    ...planEnv({ home, user: 'plan', path: process.env['PATH'], planId: id }),
    // Debian's git-lfs sets its filters for the whole system.
    GIT_CONFIG_NOSYSTEM: '1',
  }
  const events: PlanBench['events'] = []
  const plan: PlanContext = {
    start: {
      kind: 'start',
      mode: 'work',
      id,
      attempt: 1,
      title: 'A plan',
      text: options.text ?? 'Do it.',
      branch: `agent/${id}`,
      base: 'main',
      checks: [],
      model: 'm',
      effort: 'high',
      onQuestion: 'pause',
      messages: [],
      token: TOKEN,
      url: `file://${folder}/x`,
      workspace: 'sample',
      checkout,
      mirror: repo,
      ...options.start,
    },
    home,
    env,
    git: createGit(checkout, env),
    journal: openJournal(join(home, '.ralph/journal.jsonl')),
    token: createTokenHolder({ token: TOKEN, gitConfigFile: tokenConfigFile(home), gatewayUrl: 'http://x' }),
    report: (message: FromPlan) => {
      if (message.kind === 'event') events.push({ type: message.type, text: message.text })
    },
    baseline: () => Promise.resolve(null),
    prove: () => Promise.resolve({ kind: 'revoked' }),
    inbox: [],
    ...newPlanState(),
  }
  const prepared = await prepareCheckout(plan)
  if (prepared.kind === 'failed') throw new Error(prepared.error)
  const run =
    (cwd: string) =>
    (...args: string[]) =>
      execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  const put = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(checkout, path)), { recursive: true })
    writeFileSync(join(checkout, path), content)
  }
  return {
    folder,
    plan,
    baseHead: prepared.baseHead,
    events,
    git: run(checkout),
    remote,
    put,
    pushBySomebody(files, branch = 'main') {
      const theirs = mkdtempSync(join(folder, 'theirs-'))
      const git = run(theirs)
      git('clone', '-q', '-b', branch, repo, '.')
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(theirs, path)), { recursive: true })
        writeFileSync(join(theirs, path), content)
      }
      git('add', '-A', '-f')
      git('commit', '-q', '-m', 'by somebody else')
      git('push', '-q', 'origin', `HEAD:${branch}`)
      return git('rev-parse', 'HEAD')
    },
    remoteHas(text) {
      const objects = remote('cat-file', '--batch-all-objects', '--batch-check').split('\n')
      return objects.some((line) => {
        const [object = '', kind = ''] = line.split(' ')
        return kind !== 'tree' && remote('cat-file', kind, object).includes(text)
      })
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
