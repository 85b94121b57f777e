// Understands arguments in the forms that real clients send: null or "" for an optional argument that is not given, and a number, a
// boolean or a list as its JSON text. Everything else reaches the schema unchanged, which refuses it by name.
import * as z from 'zod'
import { parseJson } from '../../shared/json.ts'

/** JSON text of a plain argument is short; longer text is refused by the schema without being parsed. */
const MAX_JSON_CHARS = 50_000

/** Returns the arguments with these forms resolved. What is no object is returned as it is; no arguments are an empty object. */
export function fromClientForms(shape: Record<string, z.core.$ZodType>, args: unknown): unknown {
  if (args === undefined || args === null) return {}
  if (typeof args !== 'object' || Array.isArray(args)) return args
  return Object.fromEntries(
    Object.entries(args).flatMap(([name, value]: [string, unknown]) => {
      const schema = Object.hasOwn(shape, name) ? shape[name] : undefined
      if (schema === undefined) return [[name, value]]
      if (isOptional(schema) && (value === null || value === '')) return []
      return [[name, typeof value === 'string' ? fromText(inner(schema), value) : value]]
    }),
  )
}

const isOptional = (schema: z.core.$ZodType): schema is z.ZodOptional | z.ZodExactOptional =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional

const inner = (schema: z.core.$ZodType): z.core.$ZodType => (isOptional(schema) ? schema.unwrap() : schema)

/** Returns the value that the text holds as JSON when the schema wants that kind of value, else the text. */
function fromText(schema: z.core.$ZodType, text: string): unknown {
  if (text.length > MAX_JSON_CHARS) return text
  const value = parseJson(text)
  if (schema instanceof z.ZodNumber) return typeof value === 'number' ? value : text
  if (schema instanceof z.ZodBoolean) return typeof value === 'boolean' ? value : text
  if (schema instanceof z.ZodArray) return Array.isArray(value) ? value : text
  return text
}
