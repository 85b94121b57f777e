// Room on the disk kept for the moment when there is none: what must be written down then (that a plan failed, and why) still can
// be. One file a process, given back at the first write that finds the disk full, and made again once there is room.
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const BYTES = 2 * 1024 * 1024
/** Made again only when this much more is free. */
const ROOM = 16

let reserve: string | null = null

/** Keeps the room, in this file; called again it makes it anew where it was spent and there is room. Never throws. */
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
    // without it the next full disk is met without room: no worse than before
  }
}

/** True when there was something to give back. */
export function spendReserve(): boolean {
  if (reserve === null || statSync(reserve, { throwIfNoEntry: false }) === undefined) return false
  rmSync(reserve, { force: true })
  return true
}

/** Node's own error, or the words of a program that failed for it. */
export function isDiskFull(error: unknown): boolean {
  return (
    error instanceof Error && /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/.test(error.message)
  )
}

export const DISK_FULL =
  'The disk of the VM is full. Remove what is not needed on it (or give it a larger one), then resume the plan: it goes on where it stood.'
