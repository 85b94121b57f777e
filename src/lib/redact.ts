// The one function every sink writes through (log lines, rows of the object and so D1, tool results, notifications): what is
// known to be a secret by its exact value, and what looks like one, is replaced by its name. It keeps accidents from being kept;
// it is no boundary, because a stranger who has a secret can always write it differently.
import { SHAPES } from './secret-shapes.ts'

/** Value → name. Per isolate, whose env never changes: a sink has no env to ask. Filled whenever settings are read. */
const known = new Map<string, string>()
const MIN_LENGTH = 8
/** Short texts in which nothing was found: the names of fields and states, which come again with every row. */
const clean = new Set<string>()
const MAX_CLEAN = 4_000
const MAX_CLEAN_LENGTH = 64

/** Names → values, as in the environment. Shorter values than any real secret are left alone: they would blot out words. */
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

/** What btoa takes: no character above one byte. */
const isLatin1 = (text: string): boolean => !/[\u0100-\uffff]/.test(text)

/** A token also begins after an escaped line feed: much of what a VM says is JSON inside a text. */
const globally = (pattern: RegExp): RegExp =>
  new RegExp(pattern.source.replace('(?<![A-Za-z0-9])', '(?<=^|[^A-Za-z0-9]|\\\\[nrt])'), `${pattern.flags}g`)
const GLOBAL_SHAPES = [
  ...SHAPES.map(({ kind, pattern }) => ({ kind, pattern: globally(pattern) })),
  // Ours: worth something to whoever reads the line within their lives.
  {
    kind: 'a token of this runtime',
    pattern: globally(/(?<![A-Za-z0-9])aer_(?:ticket|vm|plan)_[A-Za-z0-9_.-]{12,}/),
  },
]
/** Also inside a text that is JSON itself: a match never crosses the end of its strings. */
const HEADER =
  /((?:authorization|x-api-key)\\?["']?\s*[:=]\s*\\?["']?(?:(?:bearer|basic|token)\s+)?)[A-Za-z0-9+/=._~-]{8,}/gi
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:\\[nr]|[A-Za-z0-9+/=\s]){0,10000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g

export function redact(text: string): string {
  if (text.length < MIN_LENGTH || clean.has(text)) return text
  const found = replaceSecrets(text)
  if (found === text && text.length <= MAX_CLEAN_LENGTH) {
    if (clean.size >= MAX_CLEAN) clean.clear()
    clean.add(text)
  }
  return found
}

function replaceSecrets(text: string): string {
  let left = text
  for (const [value, name] of known)
    if (left.includes(value)) left = left.replaceAll(value, `[redacted: ${name}]`)
  left = left.replaceAll(PRIVATE_KEY, '[redacted: a private key]')
  for (const { kind, pattern } of GLOBAL_SHAPES) left = left.replaceAll(pattern, `[redacted: ${kind}]`)
  return left.replaceAll(HEADER, '$1[redacted]')
}

/** The same plain data with every text in it redacted, keys too. Not done on its JSON: there an escape hides where a token begins. */
export function redactAll<T>(value: T): T {
  // The walk changes characters inside strings and nothing else, so what came as T goes as T.
  return walk(value) as T
}

function walk(value: unknown): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map(walk)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [redact(key), walk(one)]))
}
