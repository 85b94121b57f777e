// Reads JSON that came from outside, as text or as bytes, without throwing.

/** The parsed value; undefined when it is no JSON, or when the bytes are no UTF-8. A byte order mark before bytes is skipped. */
export function parseJson(json: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof json === 'string' ? json : decodeStrictly(json, { ignoreBOM: false }))
  } catch {
    return undefined // no JSON: the caller's schema refuses undefined
  }
}

/** The text; null when the bytes are no UTF-8, which a lenient decoder would change without a word. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decodeStrictly(bytes, { ignoreBOM: true })
  } catch {
    return null // no UTF-8
  }
}

/** ignoreBOM: a byte order mark stays in the text. */
function decodeStrictly(bytes: Uint8Array, { ignoreBOM }: { ignoreBOM: boolean }): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM }).decode(bytes)
}
