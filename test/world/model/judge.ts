// Answers a request for structured output with "complete, nothing missing", in the form of the requested schema.
import { z } from 'zod'

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
