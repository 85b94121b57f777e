// The JSON schemas of a tool's arguments and answer, made from its zod schemas once per isolate. A server is built for every
// request, and converting two schemas of every tool each time would cost more than most calls.
import * as z from 'zod'
import type { Tool } from './define-tool.ts'

export interface ToolSchemas {
  input: Record<string, unknown>
  output: Record<string, unknown>
}

const made = new WeakMap<Tool, ToolSchemas>()

export function jsonSchemaOf(tool: Tool): ToolSchemas {
  const known = made.get(tool)
  if (known !== undefined) return known
  const schemas = { input: short(tool.input, 'input'), output: short(tool.output, 'output') }
  made.set(tool, schemas)
  return schemas
}

/** Leaves out keywords that say nothing, because every conversation pays for each byte in its context. */
function short(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      // Answers may gain fields; only arguments are closed.
      if (io === 'output') delete jsonSchema.additionalProperties
    },
  })
  return json
}
