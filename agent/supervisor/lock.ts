// The lock that lets only one supervisor run. It is a kernel lock (fcntl, through the SQLite that Node contains). It ends with its
// process, also after kill -9, and children do not inherit it, so a leftover cannot keep the next supervisor out.
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Paths } from '../machine/paths.ts'

/** Returns true when this process now holds the lock, until it ends. Waits up to waitMs for another holder to leave. */
export async function takeLock({ ralph }: Paths, waitMs: number): Promise<boolean> {
  const { DatabaseSync: open } = await import('node:sqlite')
  try {
    held = new open(join(ralph, 'supervisor.lock'), { timeout: waitMs })
    held.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch {
    held = null
    return false
  }
}

/** The open file is kept here for the process's life, because closing it would free the lock. */
let held: DatabaseSync | null = null
