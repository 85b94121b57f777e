// Opens the clean checkout of a proof and runs commands in it as the prover's user. Root starts each command and reads its exit
// code, so the code under test cannot claim another one.
import { join } from 'node:path'
import { createGit } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import type { Typed } from '../machine/plan-pipe.ts'
import type { FromProver, ProofOrder } from '../machine/prover-pipe.ts'
import { freshHome, proofCheckout } from '../users/prover-user.ts'
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
  run: (command: string, name: string, timeoutMs: number) => Promise<ShellResult>
  /** Writes files into the checkout; null deletes one. Errors: throws when one cannot be written. */
  put: (files: Map<string, string | null>) => Promise<void>
}

const FILE_TIMEOUT_MS = 60_000

/** Makes a fresh home with one commit checked out. Errors: GitError when the mirror does not have the commit. */
export async function openProofShell(
  order: ProofOrder,
  commit: string,
  report: (message: Typed<FromProver>) => void,
): Promise<ProofShell> {
  const { user, id, mirror, logs } = order
  // Python recognizes a compiled file by its source's size and second of change. Two files of the same size, written within one
  // second, would count as the same, so Python must not write compiled files here.
  const env = { ...(await freshHome(user, id, mirror)), PYTHONDONTWRITEBYTECODE: '1' }
  const checkout = proofCheckout(user)
  const ids = user.ids ?? undefined
  const git = createGit(checkout, env, ids)
  await git.must(['init', '--quiet'])
  await put(
    { checkout, env, ...user.ids },
    new Map([['.git/objects/info/alternates', `${join(mirror, 'objects')}\n`]]),
  )
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
    run: (command, name, timeoutMs) =>
      runShell({
        command,
        cwd: checkout,
        env,
        timeoutMs,
        logFile: join(
          logs,
          `${String(++number).padStart(2, '0')}-${name.replaceAll(/\W+/g, '-').slice(0, 40)}.log`,
        ),
        onActivity: () => report({ kind: 'activity' }),
        ids,
      }),
    put: (files) => put({ checkout, env, ...user.ids }, files),
  }
}

/** Writes as the prover's user, because root must not write into a folder that another user controls. */
async function put(
  { checkout, env, ...ids }: { checkout: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number },
  files: Map<string, string | null>,
): Promise<void> {
  for (const [path, text] of files) {
    const script =
      text === null ? 'rm -rf -- "$1"' : 'mkdir -p -- "$(dirname -- "$1")" && rm -rf -- "$1" && cat >"$1"'
    const done = await run('sh', ['-c', script, 'sh', `./${path}`], {
      ...ids,
      cwd: checkout,
      env,
      timeoutMs: FILE_TIMEOUT_MS,
      input: text ?? '',
    })
    if (done.code !== 0)
      throw new Error(`${path} could not be put into the proof: ${done.stderr.trim().slice(0, 300)}`)
  }
}
