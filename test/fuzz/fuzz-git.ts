// Pushes by the thousand through the running gateway, in workerd, at real `git http-backend`: whatever is sent, no ref but the
// plan's own two may change. With a mutant parser in the gateway the same run has to find a violation.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPlainWorker } from '../real/support/plain-workerd.ts'
import { signVmToken } from '../../src/auth/vm-token.ts'
import { makeRepository, startGitHost } from '../real/support/git-http-host.ts'
import { CHECKPOINT, dice, mutate, OWN, seeds } from './cases.ts'
import type { Commits } from './cases.ts'
import type { Mutant } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')
const KEY = 'fuzz-token-key-0123456789abcdef0123456789'
const TOKEN = 'ghp_CANARYfuzz0123456789'
const LOOK_EVERY = 500

export interface FuzzInput {
  cases: number
  seed: number
  lanes: number
  mutant?: Mutant
  onProgress?: (done: number) => void
}

export interface FuzzResult {
  cases: number
  accepted: number
  refused: number
  /** Answers that are neither: a connection cut, a status above 499. */
  broken: number
  /** Refs outside the plan's own that changed, with the cases among which it happened. */
  violations: string[]
}

export async function fuzzGit({ cases, seed, lanes, mutant, onProgress }: FuzzInput): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-git-'))
  const host = await startGitHost({ root: folder, user: 'x-access-token', token: TOKEN })
  makeRepository(folder, 'r.git', 3)
  const repo = join(folder, 'r.git')
  const git = (...args: string[]) => execFileSync('git', ['-C', repo, ...args], { encoding: 'utf8' }).trim()
  const [main = '', second = '', third = ''] = git('rev-list', 'main').split('\n')
  const foreign = () =>
    git('for-each-ref', '--format=%(refname) %(objectname)')
      .split('\n')
      .filter((ref) => !ref.startsWith(`${OWN} `) && !ref.startsWith(`${CHECKPOINT} `))
      .join('\n')
  const gateway = await startGateway(folder, mutant, {
    PUBLIC_URL: 'http://127.0.0.1:1',
    LOCAL: 'true',
    TOKEN_KEY: KEY,
    ANTHROPIC_API_KEY: 'sk-ant-fuzz-0123456789',
    ANTHROPIC_BASE_URL: host.url,
    GIT_CREDENTIALS: host.url.replace('://', `://x-access-token:${TOKEN}@`),
  })
  const token = await signVmToken(KEY, {
    kind: 'plan',
    workspace: 'demo',
    plan: 'p1',
    attempt: 1,
    expiresAtMs: Date.now() + 86_400_000,
  })
  const control = (change: object) =>
    fetch(`${gateway.url}/control/set`, { method: 'POST', body: JSON.stringify(change) })
  await control({
    gitRemote: `${host.url}/r.git`,
    mayPush: true,
    ownRefs: [OWN, CHECKPOINT],
    heads: {},
    settled: [],
    intents: [],
  })

  const before = foreign()
  const result: FuzzResult = { cases: 0, accepted: 0, refused: 0, broken: 0, violations: [] }
  const commits: Commits = { own: '0'.repeat(40), next: second, main, zero: '0'.repeat(40) }
  const roll = dice(seed)

  const push = async (): Promise<void> => {
    const all = seeds(commits)
    const [, body] = all[roll(all.length)] ?? ['', '']
    const sent = { ...commits }
    const wire = Buffer.from(mutate(body, commits, roll), 'latin1')
    result.cases++
    try {
      const response = await fetch(`${gateway.url}/vm/git/demo.git/git-receive-pack`, {
        method: 'POST',
        body: wire,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/x-git-receive-pack-request',
        },
      })
      const text = await response.text()
      if (response.status > 499) result.broken++
      else if (text.includes(`ok ${OWN}`) || text.includes(`ok ${CHECKPOINT}`)) {
        result.accepted++
        if (text.includes(`ok ${OWN}`))
          Object.assign(commits, { own: sent.next, next: sent.next === second ? third : second })
      } else result.refused++
    } catch {
      result.broken++ // counted; the gateway must answer everything
    }
  }

  try {
    for (let done = 0; done < cases && result.violations.length === 0; done += LOOK_EVERY) {
      const until = Math.min(done + LOOK_EVERY, cases)
      await Promise.all(
        Array.from({ length: lanes }, async () => {
          while (result.cases < until) await push()
        }),
      )
      if (foreign() !== before)
        result.violations.push(`cases ${done} to ${until} of seed ${seed}: ${diff(before, foreign())}`)
      // The checkpoint is made anew and the object's memory kept small; the own branch goes on from where it is.
      git('update-ref', '-d', CHECKPOINT)
      const own = git('for-each-ref', '--format=%(objectname)', OWN)
      commits.own = own === '' ? commits.zero : own
      await control({ heads: own === '' ? {} : { [OWN]: own }, settled: [], intents: [] })
      host.seen.length = 0
      onProgress?.(result.cases)
    }
    return result
  } finally {
    await gateway.close()
    await host.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function diff(before: string, after: string): string {
  const [was, is] = [before.split('\n'), after.split('\n')]
  return [
    ...was.filter((ref) => !is.includes(ref)).map((ref) => `- ${ref}`),
    ...is.filter((ref) => !was.includes(ref)).map((ref) => `+ ${ref}`),
  ].join(', ')
}

/** The gateway before a scripted object. A mutant is built from a copy of the sources with one place changed. */
async function startGateway(folder: string, mutant: Mutant | undefined, vars: Record<string, string>) {
  const root = mutant === undefined ? ROOT : join(folder, 'mutant')
  if (mutant !== undefined) {
    for (const part of ['src', 'test/worker/support', 'tsconfig.json', 'package.json'])
      cpSync(join(ROOT, part), join(root, part), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
    for (const { file, from, to } of mutant.changes) {
      const path = join(root, file)
      const text = readFileSync(path, 'utf8')
      if (!text.includes(from))
        throw new Error(`The mutant "${mutant.name}" no longer fits ${file}: bring it up to date.`)
      writeFileSync(path, text.replace(from, to))
    }
  }
  return startPlainWorker(vars, 'gateway-worker', root)
}
