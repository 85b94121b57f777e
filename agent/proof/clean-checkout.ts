// Opens the clean checkout of a proof and runs commands in it as the prover's user. Root starts each command and reads its exit
// code, so the code under test cannot claim another one.
import { join } from 'node:path'
import { createGit } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import type { Typed } from '../machine/plan-pipe.ts'
import type { FromProver, ProofOrder } from '../machine/prover-pipe.ts'
import { freshHome, proofCheckout } from '../users/prover-user.ts'
import { clipText } from '../machine/output.ts'
import { run } from '../machine/process.ts'
import { fetchSubmodules } from '../git/submodules.ts'
import { runShell } from '../machine/shell.ts'
import type { ShellResult } from '../machine/shell.ts'

export interface ProofShell {
  order: ProofOrder
  checkout: string
  env: NodeJS.ProcessEnv
  git: Git
  report: (message: Typed<FromProver>) => void
  run: (input: CommandInput) => Promise<ShellResult>
  /** Gives these files the content that they have at a commit; those that it does not hold are removed. Errors: GitError. */
  takeFrom: (commit: string, paths: readonly string[]) => Promise<void>
  /** Returns a file's text at a commit; empty when it is not there. */
  textAt: (commit: string, path: string) => Promise<string>
  /** Writes files into the checkout. Errors: throws when one cannot be written. */
  put: (files: ReadonlyMap<string, string>) => Promise<void>
}

export interface CommandInput {
  type: 'setup' | 'check'
  command: string
  /** The command as a person knows it. It also names the log. */
  shown: string
  timeoutMs: number
  env?: Record<string, string>
}

const FILE_TIMEOUT_MS = 60_000
const SIGN_OF_LIFE_MS = 30_000
/** Git's output beyond this would be cut without a word. A list of a million files stays below it. */
const MAX_BYTES = 256 * 1024 * 1024

/** Makes a fresh home with one commit checked out. Errors: GitError when the mirror does not have the commit. */
export async function openProofShell(
  order: ProofOrder,
  commit: string,
  report: (message: Typed<FromProver>) => void,
): Promise<ProofShell> {
  const { user, id, mirror, logs } = order
  const env = await freshHome(user, id, mirror)
  const checkout = proofCheckout(user)
  const ids = user.ids ?? undefined
  const git = createGit(checkout, env, ids)
  const asUser = { checkout, env, ...user.ids }
  await git.must(['init', '--quiet'])
  await put(asUser, new Map([['.git/objects/info/alternates', `${join(mirror, 'objects')}\n`]]))
  await git.must(['checkout', '--quiet', '--force', '--detach', commit, '--'], {
    timeoutMs: 10 * FILE_TIMEOUT_MS,
  })
  await fetchSubmodules({ git, report })
  let number = 0
  return {
    order,
    checkout,
    env,
    git,
    report,
    run: async ({ type, command, shown, timeoutMs, env: extra }) => {
      const startedAt = performance.now()
      const stillRuns = setInterval(() => {
        const seconds = Math.round((performance.now() - startedAt) / 1_000)
        report({ kind: 'event', type, text: clipText(`still runs after ${seconds} s: ${shown}`, 500) })
      }, SIGN_OF_LIFE_MS)
      const name = shown.replaceAll(/\W+/g, '-').slice(0, 40)
      try {
        return await runShell({
          command,
          cwd: checkout,
          env: { ...env, ...extra },
          timeoutMs,
          logFile: join(logs, `${String(++number).padStart(2, '0')}-${name}.log`),
          onActivity: () => report({ kind: 'activity' }),
          ids,
        })
      } finally {
        clearInterval(stillRuns)
      }
    },
    takeFrom: (commitOrBase, paths) => takeFrom(git, commitOrBase, paths),
    textAt: async (at, path) =>
      (await git.try(['cat-file', 'blob', `${at}:${path}`], { maxBytes: MAX_BYTES })).stdout,
    put: (files) => put(asUser, files),
  }
}

async function takeFrom(git: Git, commit: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  // The names go through standard input, because they are untrusted and may be many.
  const input = paths.map((path) => `:(literal,top)${path}\0`).join('')
  const options = ['--pathspec-from-file=-', '--pathspec-file-nul']
  await git.must(['rm', '-r', '--quiet', '--force', '--ignore-unmatch', ...options], { input })
  const listing = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit]
  const present = await git.must(listing, { maxBytes: MAX_BYTES })
  const known = new Set(present.split('\0'))
  const kept = paths.filter((path) => known.has(path))
  if (kept.length > 0)
    await git.must(['checkout', '--quiet', '--force', commit, ...options], {
      input: kept.map((path) => `:(literal,top)${path}\0`).join(''),
    })
}

/** Writes as the prover's user, because root must not write into a folder that another user controls. */
async function put(
  { checkout, env, ...ids }: { checkout: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number },
  files: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [path, text] of files) {
    const script = 'mkdir -p -- "$(dirname -- "$1")" && rm -rf -- "$1" && cat >"$1"'
    const done = await run('sh', ['-c', script, 'sh', `./${path}`], {
      ...ids,
      cwd: checkout,
      env,
      timeoutMs: FILE_TIMEOUT_MS,
      input: text,
    })
    if (done.code !== 0)
      throw new Error(`${path} could not be put into the proof: ${done.stderr.trim().slice(0, 300)}`)
  }
}
