// How text is cut and how characters that cannot be seen are shown, for the Worker and the VM. Pure.

/** At most maxChars UTF-16 units; the last is an ellipsis. */
export function cut(text: string, maxChars: number): string {
  // A cut between the halves of a pair would leave a lone surrogate.
  return `${text.slice(0, maxChars - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

const CONTROL_BUT_LINES = /(?![\n\t])\p{Cc}/gu
const FORMAT = /[\u{E0100}-\u{E01EF}\p{Cf}\u2028\u2029]/gu

/**
 * Prepares source code for a reviewer: characters that hide or reorder words are shown by name instead of being dropped, because
 * they may be the very thing to find. Control characters become their pictures, others `<U+202E>`; line feeds and tabs stay.
 */
export function showUnseen(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(CONTROL_BUT_LINES, (char) => controlPicture(char.charCodeAt(0)))
    .replaceAll(FORMAT, (char) => codePointName(char.codePointAt(0) ?? 0))
}

function controlPicture(code: number): string {
  if (code === 0x7f) return '\u2421'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : codePointName(code)
}

const codePointName = (code: number): string => `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
