// Finds the commits of a proof in the mirror: the head, which is fetched, and the base that it stands on. Root runs git there, which is
// safe because only root writes to the mirror.
import { setTimeout as sleep } from 'node:timers/promises'
import { mirrorDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { run } from '../machine/process.ts'

export interface MirrorHost {
  paths: Paths
  /** Fetches the mirror from the remote. Resolves to the error text, or null on success. */
  refreshMirror: () => Promise<string | null>
  /** Fetches a plan's checkpoint ref into the mirror. Resolves to the error text, or null on success. */
  fetchCheckpoint: (id: string) => Promise<string | null>
}

const MIRROR_TRIES = 4
const MIRROR_PAUSE_MS = 1_500
const GIT_TIMEOUT_MS = 30_000

/** Fetches until the mirror holds the commit. Returns null when it does, else the error text. */
export async function fetchHead(
  { paths, refreshMirror, fetchCheckpoint }: MirrorHost,
  id: string,
  head: string,
): Promise<string | null> {
  let problem: string | null = null
  for (let tries = 0; tries < MIRROR_TRIES; tries++) {
    // The base may have moved, and the head is at the checkpoint ref or, where the host refuses such refs, at the branch.
    problem = (await refreshMirror()) ?? (await fetchCheckpoint(id))
    const found = await gitInMirror(paths, ['cat-file', '-e', `${head}^{commit}`])
    if (found.code === 0) return null
    if (tries < MIRROR_TRIES - 1) await sleep(MIRROR_PAUSE_MS * 2 ** tries)
  }
  return problem ?? `${head} is not on the remote`
}

/** Removes a plan's checkpoint ref from the mirror, where no fetch would remove it. */
export async function dropCheckpoint(paths: Paths, id: string): Promise<void> {
  await gitInMirror(paths, ['update-ref', '-d', `refs/agent/${id}`])
}

/** Returns the commit of a remote branch as the mirror last saw it; null when the branch does not exist. */
export async function baseHeadOf(paths: Paths, branch: string): Promise<string | null> {
  const commit = `refs/heads/${branch}^{commit}`
  const found = await gitInMirror(paths, ['rev-parse', '--verify', '--quiet', commit])
  return found.code === 0 ? found.stdout.trim() : null
}

/** Returns the commit that a head and its base branch share. Where they share none it is the base branch's commit. */
export async function sharedBase(paths: Paths, baseHead: string, head: string): Promise<string> {
  const shared = await gitInMirror(paths, ['merge-base', baseHead, head])
  return shared.code === 0 ? shared.stdout.trim() : baseHead
}

/** True when the head contains the base. */
export const isAncestor = async (paths: Paths, base: string, head: string): Promise<boolean> =>
  (await gitInMirror(paths, ['merge-base', '--is-ancestor', base, head])).code === 0

const gitInMirror = (paths: Paths, args: string[]) =>
  run('git', ['-C', mirrorDir(paths), ...args], {
    env: { PATH: process.env['PATH'], HOME: paths.ralph, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' },
    timeoutMs: GIT_TIMEOUT_MS,
  })
