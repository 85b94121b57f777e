// Cleans and clips the output of tools and commands for the model and the history. Pure. Output is clipped before it enters the
// conversation, because a message in it can never be shortened: the API binds thinking blocks to it.
import { cut } from '../../src/shared/text.ts'

const ESC = String.fromCodePoint(27)
const ANSI = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${ESC}\\u0007]*(?:\\u0007|${ESC}\\\\)?|[@-Z\\\\-_])`,
  'g',
)
// oxlint-disable-next-line no-control-regex -- removing control characters is the point
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]/g
const HEAD_BYTES = 6 * 1024
const TAIL_BYTES = 10 * 1024
const REPEATS_SHOWN = 3

/** Removes colours, cursor movements and other control characters. Of a redrawn line (a progress bar) only the last state stays. */
export function cleanOutput(text: string): string {
  return collapseRepeats(
    text
      .replace(ANSI, '')
      .replaceAll('\r\n', '\n')
      .split('\n')
      .map((line) => line.replace(/\r+$/, '').split('\r').at(-1) ?? '')
      .map((line) => line.replace(CONTROL, ''))
      .join('\n'),
  )
}

/** Returns at most 16 KB: the head and the tail, with a line between them that says what is missing and where it is. */
export function clipOutput(text: string, fullTextAt: string): string {
  const bytes = Buffer.from(text)
  if (bytes.byteLength <= HEAD_BYTES + TAIL_BYTES) return text
  const omitted = bytes.byteLength - HEAD_BYTES - TAIL_BYTES
  const head = toWholeText(bytes.subarray(0, HEAD_BYTES), 'end')
  const tail = toWholeText(bytes.subarray(-TAIL_BYTES), 'start')
  return `${head}\n[... ${omitted} bytes left out; the full text is in ${fullTextAt} ...]\n${tail}`
}

/** Clips a text for the history to at most max UTF-16 units, without control or bidi characters and half surrogates. */
export function clipText(text: string, max: number): string {
  const clean = withoutControls(text)
  return clean.length <= max ? clean : cut(clean, max)
}

/** Removes colours, cursor movements and other control characters. Each carriage return becomes a line feed. */
export const withoutControls = (text: string): string =>
  text.replace(ANSI, '').replace(/\r\n?/g, '\n').replace(CONTROL, '').toWellFormed()

function collapseRepeats(text: string): string {
  const out: string[] = []
  let repeats = 0
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    repeats = index > 0 && line === lines[index - 1] && line !== '' ? repeats + 1 : 0
    if (repeats < REPEATS_SHOWN) out.push(line)
    const isLast = lines[index + 1] !== line
    if (isLast && repeats >= REPEATS_SHOWN)
      out.push(`[the line above ${repeats + 1 - REPEATS_SHOWN} more times]`)
  }
  return out.join('\n')
}

/** Decodes bytes that were cut. A character cut in the middle is dropped instead of shown as a replacement character. */
function toWholeText(bytes: Uint8Array, cutAt: 'start' | 'end'): string {
  const text = new TextDecoder().decode(bytes)
  return cutAt === 'end' ? text.replace(/\uFFFD+$/, '') : text.replace(/^\uFFFD+/, '')
}
