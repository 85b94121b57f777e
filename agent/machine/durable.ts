// Writes files so that they survive a crash at any moment: by an atomic rename after fsync, or by appending with fdatasync.
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
import { parseJson } from '../../src/shared/json.ts'

/** Replaces a file. Readers see the old content or the new, never a part, also after a power cut. */
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

/** Returns the file's JSON; undefined when the file is missing or damaged. */
export const readJson = (file: string): unknown => parseJson(readIfPresent(file) ?? '')

/** Opens a log with one JSON record per line. Returns the append function, which returns only when the record is on disk. */
export function openAppendLog(file: string): (record: unknown) => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const fd = openSync(file, 'a', 0o600)
  return (record) => {
    let start = ''
    withReserve(() => {
      const line = `${start}${JSON.stringify(record)}\n`
      // If only a part reaches the disk, the second try begins on a new line.
      start = '\n'
      writeFileSync(fd, line)
      fdatasyncSync(fd)
    })
  }
}

/** Runs write(). If the disk is full, it frees the reserve and tries once more. */
function withReserve(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!isDiskFull(error) || !spendReserve()) throw error
    write()
  }
}

/** Returns the records of such a log. A line that a crash cut short is left out. */
export function readLog(file: string): unknown[] {
  return (readIfPresent(file) ?? '')
    .split('\n')
    .map((line) => parseJson(line))
    .filter((record) => record !== undefined)
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
