// Says in plain words what is wrong with a value and what to send instead. The words never repeat the value, which may be a secret.
import type { z } from 'zod'
import { cleanLine } from '../../lib/text.ts'

/** What zod and JSON call a kind of value, as clients know it. */
const KINDS: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

type Issue = Pick<z.core.$ZodIssue, 'path' | 'message'> & { code?: unknown; [field: string]: unknown }

/** Returns one sentence that begins with `name`. `missing`: the value was not sent at all. */
export function refusalWords(name: string, issue: Issue, missing: boolean): string {
  if (missing) return `${name} is missing: send ${kindOf(issue['expected'])}.`
  const rule = ruleOf(issue)
  // Our own messages continue the name ("must not be empty"); zod's are complete sentences.
  if (rule === null)
    return /^[a-z]/.test(issue.message) ? `${name} ${issue.message}.` : `${name} is not valid.`
  return `${name} ${rule}.`
}

const kindOf = (expected: unknown): string => KINDS[String(expected)] ?? 'a value'

/** null: the message of the issue is our own, or we have no better words. */
function ruleOf(issue: Issue): string | null {
  const { code, message, expected, values, minimum, maximum, origin, inclusive } = issue
  // zod's own messages begin with an upper-case letter.
  if (/^[a-z]/.test(message)) return null
  if (code === 'invalid_type')
    return `must be ${kindOf(expected)}${/received (null)/.test(message) ? ', not null' : ''}`
  if (code === 'invalid_value' && Array.isArray(values))
    return `must be one of ${values.map((value) => JSON.stringify(value)).join(', ')}`
  if (code === 'too_small') return tooSmall(origin, minimum, inclusive)
  if (code === 'too_big') return tooBig(origin, maximum, inclusive)
  return null
}

function tooSmall(origin: unknown, minimum: unknown, inclusive: unknown): string {
  if (origin === 'string') return 'is too short'
  if (origin === 'array') return 'has too few entries'
  return `must be ${inclusive === true ? 'at least' : 'above'} ${String(minimum)}`
}

function tooBig(origin: unknown, maximum: unknown, inclusive: unknown): string {
  const most = cleanLine(String(maximum), 20)
  if (origin === 'string') return `is longer than ${most} characters`
  if (origin === 'array') return `has more than ${most} entries`
  return `must be ${inclusive === true ? 'at most' : 'below'} ${most}`
}
