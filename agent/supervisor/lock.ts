// One supervisor at a time. The lock is the kernel's (fcntl, through SQLite, which Node carries): it ends with the process that
// holds it, also by kill -9, and children do not inherit it, so no leftover can keep the next supervisor out.
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Paths } from '../machine/paths.ts'

/** True when this process now holds the lock, until it ends. Waits up to waitMs for a holder that is about to leave. */
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

/** Referenced for the process's life: closing the file would free the lock. */
let held: DatabaseSync | null = null
