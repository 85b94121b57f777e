// Fetches the submodules that a plan can have, and lists the submodules and git-lfs files that it cannot. A plan's rights cover
// only its own repository, so only public submodules can be fetched.
import type { Git } from './git.ts'
import { findGitLfs, listLfsPointers } from './lfs.ts'
import { clipText } from '../machine/output.ts'

const FETCH_TIMEOUT_MS = 60_000
const MAX_SUBMODULES = 10
const MAX_LFS_SHOWN = 20

/** Fetches the public submodules without their history. The others stay empty. */
export async function fetchSubmodules({
  git,
  report,
}: {
  git: Git
  report: (message: { kind: 'activity' }) => void
}): Promise<void> {
  for (const { path } of (await listSubmodules(git)).slice(0, MAX_SUBMODULES)) {
    report({ kind: 'activity' })
    const args = ['submodule', '--quiet', 'update', '--init', '--depth', '1', '--', path]
    const fetched = await git.try(['-c', 'protocol.file.allow=never', ...args], {
      timeoutMs: FETCH_TIMEOUT_MS,
    })
    // A half-made submodule would show up as a change.
    if (fetched.code !== 0) await git.try(['submodule', '--quiet', 'deinit', '--force', '--', path])
  }
}

/** Returns lines for the model's first message; none when every submodule and file is here. */
export async function describeForeignParts(git: Git, gitLfs = findGitLfs()): Promise<string[]> {
  const lines: string[] = []
  const missing = (await listSubmodules(git)).filter(({ isThere }) => !isThere)
  if (missing.length > 0)
    lines.push(
      `Submodules that could not be fetched with this plan's rights; leave them alone: ${missing.map(({ path }) => path).join(', ')}`,
    )
  const pointers = await listLfsPointers(git)
  if (pointers.length > 0)
    lines.push(
      `Files kept by git-lfs, here only as pointers; leave them alone: ${pointers.slice(0, MAX_LFS_SHOWN).join(', ')}${pointers.length > MAX_LFS_SHOWN ? ` and ${pointers.length - MAX_LFS_SHOWN} more` : ''}${gitLfs === null ? '. This machine has no git-lfs.' : ''}`,
    )
  return lines.map((line) => clipText(line, 1_000))
}

async function listSubmodules(git: Git): Promise<{ path: string; isThere: boolean }[]> {
  const said = await git.try(['ls-files', '-z', '--stage'])
  const paths = said.stdout
    .split('\0')
    .filter((line) => line.startsWith('160000 '))
    .map((line) => line.slice(line.indexOf('\t') + 1))
  const found: { path: string; isThere: boolean }[] = []
  for (const path of paths.slice(0, 50)) {
    const inside = await git.try(['-C', path, 'rev-parse', '--show-prefix'])
    // In an empty folder git answers for the repository around it, so its prefix is not empty.
    found.push({ path, isThere: inside.code === 0 && inside.stdout.trim() === '' })
  }
  return found
}
