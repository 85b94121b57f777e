// Secrets on the VM: those of the shared table, the plan's own tokens, and long random values assigned to a name that says what
// they are. A refused commit stops work, so placeholders of documentation and tests pass. Pure.
import {
  KEY_START,
  redact as redactShapes,
  redactAll as redactTexts,
  secretShape,
} from '../../src/shared/secrets.ts'

const ASSIGNED =
  /(?:api[_-]?key|secret|token|passwd|password|credential|private[_-]?key|access[_-]?key|auth)[A-Za-z0-9_]*["'`]?\s*(?::|=>?|:=)\s*["'`]([A-Za-z0-9+/_=.-]{32,200})["'`]/gi
const MIN_ENTROPY_BITS = 4.3
/** What documentation and tests put in a secret's place. */
const PLACEHOLDER =
  /example|dummy|placeholder|sample|changeme|your[_-]|xxxx|0000000|1234567890|\*\*\*|<|\$\{|fake|redacted|test[_-]?(?:key|token|secret)/i
const isPlaceholder = (value: string): boolean => PLACEHOLDER.test(value)
const OWN_TOKEN = "the plan's own token"
const MIN_KNOWN_CHARS = 12

export interface FoundSecret {
  name: string
  /** From 1. */
  line: number
}

/** The name and place of each, never the value. */
export function findSecrets(text: string, known: readonly string[] = []): FoundSecret[] {
  const found: FoundSecret[] = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.includes('gitleaks:allow') || line.includes('pragma: allowlist secret')) continue
    const isKey = line.includes('-----BEGIN ') && KEY_START.test(`${line}\n${lines[index + 1] ?? ''}`)
    const name = isKey ? 'a private key' : secretIn(line, known)
    if (name !== null) found.push({ name, line: index + 1 })
  }
  return found
}

function secretIn(line: string, known: readonly string[]): string | null {
  if (known.some((value) => value.length >= MIN_KNOWN_CHARS && line.includes(value))) return OWN_TOKEN
  const shape = secretShape(line, isPlaceholder)
  if (shape !== null) return shape.name
  for (const [, value = ''] of line.matchAll(ASSIGNED))
    if (looksRandom(value)) return 'a long random value assigned to a key, token or password'
  return null
}

function looksRandom(value: string): boolean {
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value)
  return isMixed && !isPlaceholder(value) && entropyBits(value) >= MIN_ENTROPY_BITS
}

/** Shannon's, per character. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** The text without known values and secrets by shape. Placeholders stay: the model edits files that hold them. */
export function redact(text: string, known: readonly string[] = []): string {
  const named = known
    .filter((value) => value.length >= MIN_KNOWN_CHARS)
    .map((value) => [value, OWN_TOKEN] as const)
  return redactShapes(text, named, isPlaceholder)
}

export const redactAll = <T>(value: T, known: readonly string[]): T =>
  redactTexts(value, (text) => redact(text, known))
