// What hides or reorders words is shown by name: a reviewer should find it. The Worker does the same again (src/lib/text.ts).
const CONTROL_BUT_LINES = /(?![\n\t])\p{Cc}/gu
const FORMAT = /[\u{E0100}-\u{E01EF}\p{Cf}\u2028\u2029]/gu

export function shown(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(CONTROL_BUT_LINES, (char) => picture(char.charCodeAt(0)))
    .replaceAll(FORMAT, (char) => codePointName(char.codePointAt(0) ?? 0))
}

function picture(code: number): string {
  if (code === 0x7f) return '␡'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : codePointName(code)
}

const codePointName = (code: number): string => `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
