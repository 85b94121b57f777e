// Answers the judge's two questions, in the form of the requested schema: is the work complete (yes, nothing missing), and may
// these tests change (no).
import { z } from 'zod'
import type { TestsWord } from './script.ts'

const Schema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
})

const CONTENT: Record<string, unknown> = { complete: true, missing: [] }

/** Returns the text of the answer. A scripted object is merged into the default; any other scripted value is sent as it is. */
export function answerJudge(schema: unknown, scripted: unknown): string {
  if (typeof scripted === 'string') return scripted
  const shaped = toInstance(schema, CONTENT)
  if (scripted === undefined) return JSON.stringify(shaped)
  return JSON.stringify(isRecord(scripted) && isRecord(shaped) ? { ...shaped, ...scripted } : scripted)
}

const TestsSchema = z.object({
  properties: z.object({
    files: z.object({
      items: z.object({ properties: z.object({ path: z.unknown(), allowed: z.unknown() }) }),
    }),
  }),
})

/** True when the schema asks file by file whether a test may change. */
export const asksAboutTests = (schema: unknown): boolean => TestsSchema.safeParse(schema).success

/** Answers for each path of the JSON list at the end of the question's last text. */
export function answerTests(lastText: string, word: TestsWord | undefined): string {
  const paths = z.array(z.string()).parse(JSON.parse(lastText.split('\n').at(-1) ?? ''))
  const isAllowed = (path: string): boolean => (Array.isArray(word) ? word.includes(path) : word === 'yes')
  return JSON.stringify({
    files: paths.map((path) => ({
      path,
      allowed: isAllowed(path),
      why: isAllowed(path) ? 'The script of the plan allows it.' : 'The plan does not ask for it.',
    })),
  })
}

/** Returns which reading of the work this is, from the question's last text; 1 when there is only one. */
export const readingOf = (lastText: string): number =>
  Number(/^This is reading (\d+) of \d+\./.exec(lastText)?.[1] ?? 1)

function toInstance(schema: unknown, known: Record<string, unknown>): unknown {
  const parsed = Schema.safeParse(schema)
  if (!parsed.success) return known
  const { type, properties, enum: values, const: constant, anyOf } = parsed.data
  if (constant !== undefined) return constant
  if (values !== undefined) return values[0]
  if (anyOf !== undefined) return toInstance(anyOf[0], known)
  switch (Array.isArray(type) ? type[0] : type) {
    case 'boolean':
      return true
    case 'array':
      return []
    case 'string':
      return ''
    case 'number':
    case 'integer':
      return 0
    case 'null':
      return null
    case 'object':
    case undefined: {
      const entries = Object.entries(properties ?? {})
      if (entries.length === 0) return known
      return Object.fromEntries(entries.map(([key, inner]) => [key, known[key] ?? toInstance(inner, {})]))
    }
    default:
      return null
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
