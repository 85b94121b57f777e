// Makes text from a VM, a repository or a stranger safe to show: it is capped, and characters that hide or reorder words are
// removed (control and format characters, bidi marks, tag characters, variation selectors that can carry a message).
import { cut } from '../shared/text.ts'

const UNSEEN = /[\p{Cc}\p{Cf}\u{E0100}-\u{E01EF}]+/gu
const UNSEEN_BUT_LINES = /(?:(?!\n)[\p{Cc}\p{Cf}\u{E0100}-\u{E01EF}])+/gu
const SEPARATORS = /\r\n?|[\u2028\u2029\u0085]/gu

/** Text is cut to this many times its cap before it is cleaned, so that a long foreign text costs no CPU. */
const LOOKED_AT = 4

/** Returns the number with its word: "1 file", "2 files". */
export const counted = (count: number, word: string, plural = 's'): string =>
  `${count} ${word}${count === 1 ? '' : plural}`

/** Returns one line of at most maxChars UTF-16 units; a cut text ends in an ellipsis. */
export function cleanLine(text: string, maxChars: number): string {
  const lines = linesOf(text, maxChars)
  return capped(lines.replaceAll(/[\n\t]+/g, ' ').replaceAll(UNSEEN, ''), maxChars, text)
}

/** The same for text that may have several lines: line feeds stay. */
export function cleanText(text: string, maxChars: number): string {
  const lines = linesOf(text, maxChars)
  return capped(lines.replaceAll('\t', '  ').replaceAll(UNSEEN_BUT_LINES, ''), maxChars, text)
}

const linesOf = (text: string, maxChars: number): string =>
  text
    .slice(0, maxChars * LOOKED_AT)
    .toWellFormed()
    .replaceAll(SEPARATORS, '\n')

function capped(clean: string, maxChars: number, original: string): string {
  if (clean.length <= maxChars && original.length <= maxChars * LOOKED_AT) return clean
  return cut(clean, maxChars)
}
