// Every output goes through this function: log lines, rows of the object and so D1, tool results, notifications. It replaces
// secrets, known by exact value or by shape, with their names. It prevents accidents. It is no security boundary, because an
// attacker who has a secret can always write it differently.
import { redactAll as redactTexts, redact as redactShapes } from '../shared/secrets.ts'

/** Value → name, filled whenever settings are read. One map per isolate, whose env is fixed: an output has no env to ask. */
const known = new Map<string, string>()
const MIN_LENGTH = 8
/** Short texts in which nothing was found: names of fields and states, which recur in every row. */
const clean = new Set<string>()
const MAX_CLEAN = 4_000
const MAX_CLEAN_LENGTH = 64

/** Takes names and values as in the environment. Values shorter than a real secret are skipped: they would hide ordinary words. */
export function rememberSecrets(secrets: Record<string, string>): void {
  for (const [name, value] of Object.entries(secrets))
    if (value.length >= MIN_LENGTH) for (const form of [value, encodeURIComponent(value)]) know(form, name)
}

function know(form: string, name: string): void {
  if (!known.has(form)) clean.clear()
  known.set(form, name)
}

/** Each line of git's credential store holds a secret of its own, which also travels as Basic `user:token`. */
export function rememberCredentialLines(name: string, lines: string): void {
  for (const line of lines.split('\n')) {
    const [, user, token] = /^\w+:\/\/([^\s/:@]*):([^\s/@]+)@/.exec(line.trim()) ?? []
    if (user === undefined || token === undefined) continue
    const plain = decode(token)
    rememberSecrets({ [name]: plain })
    if (plain.length >= MIN_LENGTH && isLatin1(decode(user) + plain))
      know(btoa(`${decode(user)}:${plain}`), name)
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a bare percent sign
  }
}

/** True for text that btoa accepts: no character above one byte. */
const isLatin1 = (text: string): boolean => !/[\u0100-\uffff]/.test(text)

/** This also works inside a text that is JSON itself: a match never crosses the end of its strings. */
const HEADER =
  /((?:authorization|x-api-key)\\?["']?\s*[:=]\s*\\?["']?(?:(?:bearer|basic|token)\s+)?)[A-Za-z0-9+/=._~-]{8,}/gi

export function redact(text: string): string {
  if (text.length < MIN_LENGTH || clean.has(text)) return text
  const found = replaceSecrets(text)
  if (found === text && text.length <= MAX_CLEAN_LENGTH) {
    if (clean.size >= MAX_CLEAN) clean.clear()
    clean.add(text)
  }
  return found
}

const replaceSecrets = (text: string): string => redactShapes(text, known).replaceAll(HEADER, '$1[redacted]')

/** The same plain data with every text in it redacted, keys too. */
export const redactAll = <T>(value: T): T => redactTexts(value, redact)
