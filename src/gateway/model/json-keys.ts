// Finds a key that occurs twice in one JSON object. The body of a model call goes upstream as it came. A parser that takes the
// first of two `model` fields and one that takes the last would see two different requests.

const MAX_DEPTH = 200
const QUOTE = 34
const BACKSLASH = 92
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY, COLON] = [123, 125, 91, 93, 58]

/**
 * For text that JSON.parse has accepted. Returns the repeated key, 'depth' for deeper nesting than any request needs, or null.
 */
export function keyProblem(json: string): { kind: 'repeated'; key: string } | { kind: 'depth' } | null {
  /** One set per open object, null per open array. */
  const open: (Set<string> | null)[] = []
  let at = 0
  while (at < json.length) {
    const code = json.charCodeAt(at)
    if (code === QUOTE) {
      const end = stringEnd(json, at)
      const keys = open.at(-1)
      if (keys !== undefined && keys !== null && isKey(json, end)) {
        const key = decodeKey(json.slice(at, end + 1))
        if (keys.has(key)) return { kind: 'repeated', key }
        keys.add(key)
      }
      at = end
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (open.push(code === OPEN_OBJECT ? new Set() : null) > MAX_DEPTH) return { kind: 'depth' }
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      open.pop()
    }
    at += 1
  }
  return null
}

/**
 * Returns the index of the closing quote. It jumps from quote to quote, because a request consists almost entirely of strings.
 */
function stringEnd(json: string, start: number): number {
  let end = json.indexOf('"', start + 1)
  while (end > 0) {
    let slashes = 0
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return end
    end = json.indexOf('"', end + 1)
  }
  return json.length
}

/** True for a string directly before a colon; a value never is. */
function isKey(json: string, end: number): boolean {
  let at = end + 1
  while (json.charCodeAt(at) <= 32) at += 1
  return json.charCodeAt(at) === COLON
}

/** Decodes escapes, because `"mod\u0065l"` and `"model"` are one key. */
function decodeKey(quoted: string): string {
  return quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
}
