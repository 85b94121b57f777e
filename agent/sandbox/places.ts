// Says which folders of the machine a sandbox hides and what it shows of them. Pure, but for reading where links lead.
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Paths } from '../machine/paths.ts'
import type { Place } from './inside.ts'

const OPEN = '1777'
const READABLE = '0755'
const CLOSED = '0700'

/**
 * Returns the places in the order in which they are mounted. Every shared folder, every home and every checkout is hidden, and root's
 * own folder. What the command needs of them is shown again: `own` (its home, its checkout, its logs), the agent, the mirror, the
 * programs on `path`, and what name resolution reads.
 */
export function placesOf(paths: Paths, own: readonly string[], path: string): Place[] {
  const covers: [string, string][] = [
    ['/tmp', OPEN],
    ['/var/tmp', OPEN],
    ['/dev/shm', OPEN],
    ['/run', READABLE],
    // A job given to cron or at would run outside of the sandbox.
    ['/var/spool/cron', READABLE],
    [paths.planHomes, READABLE],
    [join(paths.workspace, 'plans'), READABLE],
    [paths.ralph, CLOSED],
  ]
  const needed = [
    ...own,
    paths.workspace,
    dirname(paths.bundle),
    dirname(process.execPath),
    ...path.split(':'),
    dirname(realPath('/etc/resolv.conf') ?? '/'),
  ]
  return arrange(
    covers.map(([folder, mode]) => [realPath(folder) ?? folder, mode]),
    needed.map((place) => realPath(place) ?? place),
  )
}

/** A folder comes before what is in it. What lies in no covered folder is visible anyway; a covered folder itself is never kept. */
export function arrange(covers: readonly [string, string][], needed: readonly string[]): Place[] {
  const covered = new Map(covers)
  const kept = new Set(needed.filter((path) => path.startsWith('/') && !covered.has(path)))
  const keeps = [...kept].filter((path) => covers.some(([folder]) => path.startsWith(`${folder}/`)))
  const places: Place[] = [
    ...[...covered].map(([path, mode]) => ({ kind: 'cover' as const, path, mode })),
    ...keeps.map((path) => ({ kind: 'keep' as const, path })),
  ]
  return places.toSorted((one, other) => depth(one.path) - depth(other.path))
}

const depth = (path: string): number => path.split('/').length

function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null // it does not exist
  }
}
