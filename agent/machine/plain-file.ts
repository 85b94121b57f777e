// Files of a checkout as the model names them: anything may stand there. A FIFO must not hang us, a device must not be read for
// ever, a file of gigabytes must not fill our memory, and bytes that are no UTF-8 must come back as they were.
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeFileSync } from 'node:fs'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'

export const MAX_FILE_BYTES = 20 * 1024 * 1024

/** The bytes of a regular file of at most 20 MB. Errors: ToolError that says what stands there instead. */
export function readPlainFile(file: string, shown: string): Buffer {
  const fd = openPlain(file, shown, constants.O_RDONLY)
  try {
    const { size } = fstatSync(fd)
    if (size > MAX_FILE_BYTES)
      throw new ToolError(`${shown} has ${size} bytes; look at parts of it with bash (sed -n, head -c, rg).`)
    // Not by its size alone: files of /proc say 0, and a file may grow while it is read.
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

/** Writes a new or regular file, keeping its mode. Errors: ToolError for anything else that stands there, and for a full disk. */
export function writePlainFile(file: string, shown: string, content: Buffer): void {
  const fd = openPlain(file, shown, constants.O_WRONLY | constants.O_CREAT)
  try {
    // Cut after the check, never by O_TRUNC before it.
    writeFileSync(fd, content)
    ftruncateSync(fd, content.byteLength)
  } finally {
    closeSync(fd)
  }
}

export interface FileText {
  text: string
  toBytes: (text: string) => Buffer
  /** What the model sent, as it stands in `text`, and back. */
  toInner: (text: string) => string
  toShown: (text: string) => string
}

/** UTF-8, or else one character per byte, so that an edit changes nothing beside its place. */
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
    // O_NONBLOCK: opening a FIFO nobody holds would wait for ever.
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
