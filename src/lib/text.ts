// Text from a VM, a repository or a stranger, made safe to show to a model or a person: capped, and without what hides or
// reorders words (control and format characters, bidi marks, tag characters, variation selectors that can carry a message).

const UNSEEN = /[\p{Cc}\p{Cf}\u{E0100}-\u{E01EF}]+/gu
const UNSEEN_BUT_LINES = /(?:(?!\n)[\p{Cc}\p{Cf}\u{E0100}-\u{E01EF}])+/gu
const SEPARATORS = /\r\n?|[\u2028\u2029\u0085]/gu

/** One line of at most maxChars UTF-16 units; what was cut ends in an ellipsis. */
export function cleanLine(text: string, maxChars: number): string {
  return capped(
    text
      .toWellFormed()
      .replaceAll(SEPARATORS, '\n')
      .replaceAll(/[\n\t]+/g, ' ')
      .replaceAll(UNSEEN, ''),
    maxChars,
  )
}

/** The same for text that may have several lines: line feeds stay. */
export function cleanText(text: string, maxChars: number): string {
  return capped(
    text.toWellFormed().replaceAll(SEPARATORS, '\n').replaceAll('\t', '  ').replaceAll(UNSEEN_BUT_LINES, ''),
    maxChars,
  )
}

function capped(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  // A cut between the halves of a pair would leave a lone surrogate.
  return `${text.slice(0, maxChars - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
