// Reads file names from a git patch. Git quotes a name like a C string when it holds quotes, backslashes or control characters.

/** Returns the name in `a/x b/x`. Both names count as equal here; the following lines of the patch tell of a rename. */
export function parsePatchHeader(rest: string): string {
  if (rest.startsWith('"')) return unquotePath(rest.slice(0, closingQuote(rest) + 1)).slice(2)
  // In a/NAME b/NAME the name may hold spaces, but both halves have the same length.
  return rest.slice(2, 2 + (rest.length - 5) / 2)
}

export function unquotePath(text: string): string {
  if (!text.startsWith('"')) return text.replace(/\t$/, '')
  const bytes: number[] = []
  const inner = text.slice(1, closingQuote(text))
  for (const part of inner.matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gsu)) {
    const [, octal, escaped, plain] = part
    if (octal !== undefined) bytes.push(parseInt(octal, 8))
    else if (escaped !== undefined) bytes.push(...Buffer.from(ESCAPES[escaped] ?? escaped))
    else bytes.push(...Buffer.from(plain ?? ''))
  }
  return Buffer.from(bytes).toString('utf8')
}

const ESCAPES: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
}

function closingQuote(text: string): number {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return text.length
}
