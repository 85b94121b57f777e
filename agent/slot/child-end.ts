// What is logged of a process that a plan's user can write to or end: the beginning of its errors, and how it ended.
import { constants } from 'node:os'
import type { Readable } from 'node:stream'

const MAX_LOGGED_BYTES = 64 * 1024

/** Logs the first 64 KB of a stream. The rest is read and dropped, because a full pipe would stop the process. */
export function logBeginning(stream: Readable, log: (text: string) => void): void {
  let left = MAX_LOGGED_BYTES
  stream.on('error', () => {}) // the process has died
  stream.on('data', (chunk: Buffer) => {
    if (left === 0) return
    const part = chunk.subarray(0, left)
    left -= part.byteLength
    log(part.toString('utf8'))
    if (left === 0) log(`\n[more than ${MAX_LOGGED_BYTES} bytes; the rest is not logged]\n`)
  })
}

/** Returns a text with the exit code and the signal. A shell reports the end by a signal as 128 and the signal's number. */
export function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `signal ${signal}`
  const name = Object.entries(constants.signals).find(([, number]) => number + 128 === code)?.[0]
  return name === undefined ? `exit code ${code}` : `exit code ${code}, signal ${name}`
}
