// Parses raw arguments, or refuses them with one message. Secrets are looked for first, in every string: a value that might be a
// token is never repeated, stored or logged, even when something else is wrong with the call.
import type { z } from 'zod'
import { UserError } from '../../lib/errors.ts'
import { secretShape } from '../../shared/secrets.ts'
import type { SecretShape } from '../../shared/secrets.ts'
import { cleanLine } from '../../lib/text.ts'
import { fromClientForms } from './client-forms.ts'
import { refusalWords } from './refusal-words.ts'

const MAX_ISSUES = 5

export function parseArguments<Schema extends z.ZodObject>(
  tool: string,
  schema: Schema,
  args: unknown,
): z.output<Schema> {
  refuseSecrets(args)
  const given = fromClientForms(schema.shape, args)
  // JSON text may spell a secret with escapes, which only shows once it is read. Strings are unchanged.
  if (isObject(given))
    refuseSecrets(Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value !== 'string')))
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const known = Object.keys(schema.shape)
  const isMissing = (name: string) => !(isObject(given) && Object.hasOwn(given, name))
  const problems = parsed.error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => problemText(issue, known, isMissing))
  throw new UserError(`${tool} was not called: ${problems.join(' ')}`)
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function problemText(issue: z.core.$ZodIssue, known: string[], isMissing: (name: string) => boolean): string {
  const name = issue.path.map((part) => String(part)).join('.')
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys.slice(0, MAX_ISSUES).map((key) => `"${cleanLine(key, 40)}"`)
    return `There is no argument ${unknown.join(', ')}; the arguments are ${known.join(', ') || 'none'}.`
  }
  if (name === '') return 'The arguments must be one JSON object.'
  return refusalWords(name, { ...issue }, issue.path.length === 1 && isMissing(name))
}

/** Throws when any string in the arguments, keys included, is shaped like a secret. */
function refuseSecrets(args: unknown): void {
  const found = firstSecret(args)
  if (found === null) return
  const cure = found.isGit
    ? 'Git tokens never travel as arguments. Revoke it at its host now, make a new one, and set it with `npx wrangler secret put GIT_CREDENTIALS` as a line https://user:token@host; then call again without it.'
    : 'Secrets never travel as arguments: they would reach the VM and the model. Revoke it now and call again without it.'
  throw new UserError(
    `${found.where} holds something shaped like ${found.name}. Nothing was stored and the value was not kept. ${cure}`,
    'secret_in_argument',
  )
}

interface Found extends SecretShape {
  where: string
}

/** A password of fewer than 16 characters in a URL is an example, such as postgres://user:password@host. Plans may hold those. */
const isExample = (value: string): boolean => /^[a-z+]+:\/\/[^\s:@]*:[^\s@]{1,15}@/i.test(value)

// This keeps a stack of its own, because arguments may be nested deeper than calls may be.
function firstSecret(args: unknown): Found | null {
  const waiting: { value: unknown; where: string }[] = [{ value: args, where: '' }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, where } = next
    if (typeof value === 'string') {
      const shape = secretShape(value, isExample)
      if (shape !== null) return { where: where === '' ? 'The call' : where, ...shape }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        const shape = secretShape(key, isExample)
        if (shape !== null) return { where: 'The name of an argument', ...shape }
        // Only the top level names an argument; deeper keys and indexes add nothing.
        waiting.push({ value: inner, where: where === '' ? cleanLine(key, 40) : where })
      }
    }
  }
  return null
}
