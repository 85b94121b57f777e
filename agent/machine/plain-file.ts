// Reads and writes files that the model names, which can be anything. A FIFO must not block us, a device must not be read for
// ever, a huge file must not fill our memory, and bytes that are no UTF-8 must be written back unchanged.
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeFileSync } from 'node:fs'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'

export const MAX_FILE_BYTES = 20 * 1024 * 1024

/** Returns the bytes of a regular file of at most 20 MB. Errors: ToolError that says what is there instead. */
export function readPlainFile(file: string, shown: string): Buffer {
  const fd = openPlain(file, shown, constants.O_RDONLY)
  try {
    const { size } = fstatSync(fd)
    if (size > MAX_FILE_BYTES)
      throw new ToolError(`${shown} has ${size} bytes; look at parts of it with bash (sed -n, head -c, rg).`)
    // The size alone is not enough: files in /proc report 0, and a file may grow while it is read.
    const chunks: Buffer[] = []
    for (let total = 0; total <= MAX_FILE_BYTES;) {
      const chunk = Buffer.alloc(Math.max(64 * 1024, size + 1 - total))
      const length = readSync(fd, chunk, 0, chunk.byteLength, null)
      if (length === 0) break
      chunks.push(chunk.subarray(0, length))
      total += length
    }
    return Buffer.concat(chunks)
  } finally {
    closeSync(fd)
  }
}

/** Writes a new or regular file and keeps its mode. Errors: ToolError for any other kind of file and for a full disk. */
export function writePlainFile(file: string, shown: string, content: Buffer): void {
  const fd = openPlain(file, shown, constants.O_WRONLY | constants.O_CREAT)
  try {
    // The file is cut after the check of its kind. O_TRUNC would cut it before.
    writeFileSync(fd, content)
    ftruncateSync(fd, content.byteLength)
  } finally {
    closeSync(fd)
  }
}

export interface FileText {
  text: string
  toBytes: (text: string) => Buffer
  /** Converts the model's text to the form used in `text`; toShown() converts back. */
  toInner: (text: string) => string
  toShown: (text: string) => string
}

/** Decodes UTF-8. Other bytes become one character each, so that an edit changes no byte elsewhere. */
export function decodeFile(bytes: Buffer): FileText {
  if (isUtf8(bytes)) {
    return {
      text: bytes.toString('utf8'),
      toBytes: (text) => Buffer.from(text),
      toInner: same,
      toShown: same,
    }
  }
  return {
    text: bytes.toString('latin1'),
    toBytes: (text) => Buffer.from(text, 'latin1'),
    toInner: (text) => Buffer.from(text).toString('latin1'),
    toShown: (text) => Buffer.from(text, 'latin1').toString('utf8'),
  }
}

const same = (text: string): string => text

function openPlain(file: string, shown: string, flags: number): number {
  let fd: number
  try {
    // Without O_NONBLOCK, opening a FIFO that has no other end would wait for ever.
    fd = openSync(file, flags | constants.O_NONBLOCK, 0o666)
  } catch (error) {
    throw new ToolError(describe(error, shown))
  }
  const stat = fstatSync(fd)
  if (stat.isFile()) return fd
  closeSync(fd)
  throw new ToolError(
    stat.isDirectory()
      ? `${shown} is a directory; list it with bash.`
      : `${shown} is no regular file (a pipe, socket or device): it is left alone.`,
  )
}

function describe(error: unknown, shown: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known: Record<string, string> = {
    ENOENT: `${shown} does not exist.`,
    EISDIR: `${shown} is a directory; list it with bash.`,
    EACCES: `${shown} may not be opened: permission denied.`,
    ENXIO: `${shown} is no regular file (a pipe, socket or device): it is left alone.`,
    ENOTDIR: `${shown} lies below a file, not a directory.`,
    ENAMETOOLONG: `${shown.slice(0, 100)}… is too long for a path.`,
    ELOOP: `${shown} goes round in circles of links.`,
    ENOSPC: `The disk is full: ${shown} could not be written.`,
  }
  return known[code] ?? `${shown} could not be opened: ${String(error)}`
}
