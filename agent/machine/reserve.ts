// Keeps a reserve of disk space for the moment when the disk is full, so that the most important facts (that a plan failed, and
// why) can still be written. It is one file per process. The first write that finds the disk full deletes it.
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const BYTES = 2 * 1024 * 1024
/** The reserve is made only when this many times its size is free. */
const ROOM = 16

let reserve: string | null = null

/** Makes the reserve in this file, or makes it again after it was used, if there is room. It never throws. */
export function keepReserve(file: string): void {
  reserve = file
  try {
    if (statSync(file, { throwIfNoEntry: false })?.size === BYTES) return
    const { bavail, bsize } = statfsSync(dirname(file))
    if (bavail * bsize < ROOM * BYTES) return
    const fd = openSync(file, 'w', 0o600)
    try {
      writeFileSync(fd, Buffer.alloc(BYTES, 1))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch {
    // without a reserve a full disk is no worse than before
  }
}

/** Deletes the reserve. Returns true when there was one. */
export function spendReserve(): boolean {
  if (reserve === null || statSync(reserve, { throwIfNoEntry: false }) === undefined) return false
  rmSync(reserve, { force: true })
  return true
}

/** True for Node's own error and for the message of a program that failed because the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return (
    error instanceof Error && /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/.test(error.message)
  )
}

export const DISK_FULL =
  'The disk of the VM is full. Remove what is not needed on it (or give it a larger one), then resume the plan: it continues from where it stopped.'
