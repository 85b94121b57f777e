// Files that survive a crash at any moment: replaced by an atomic rename after fsync, or appended with fdatasync.
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { isDiskFull, spendReserve } from './reserve.ts'

/** Readers see the old content or the new, never a part; the same holds after a power cut. */
export function writeDurably(file: string, content: string | Uint8Array, mode = 0o600): void {
  withReserve(() => {
    mkdirSync(dirname(file), { recursive: true })
    const temporary = `${file}.${process.pid}.new`
    try {
      const fd = openSync(temporary, 'w', mode)
      try {
        writeFileSync(fd, content)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(temporary, file)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
    syncDirectory(dirname(file))
  })
}

export function readIfPresent(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

/** One JSON record a line. Returns the append function; each call returns only when the record is on disk. */
export function openAppendLog(file: string): (record: unknown) => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const fd = openSync(file, 'a', 0o600)
  return (record) => {
    let start = ''
    withReserve(() => {
      const line = `${start}${JSON.stringify(record)}\n`
      // Should a part of it reach the disk, the next try stands on a line of its own.
      start = '\n'
      writeFileSync(fd, line)
      fdatasyncSync(fd)
    })
  }
}

/** Tried once more with the room that was kept for this. */
function withReserve(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!isDiskFull(error) || !spendReserve()) throw error
    write()
  }
}

/** The records of such a log. A line torn by a crash is the last one before the next start: it is left out wherever it stands. */
export function readLog(file: string): unknown[] {
  const records: unknown[] = []
  for (const line of (readIfPresent(file) ?? '').split('\n')) {
    if (line === '') continue
    try {
      records.push(JSON.parse(line))
    } catch {
      // torn by a crash: what it would have said never counted
    }
  }
  return records
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
