// The tools as a client is told of them: names, hints, sizes.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { VERSION } from '../../../src/lib/version.ts'
import { INSTRUCTIONS } from '../../../src/mcp/instructions.ts'
import { jsonSchemaOf } from '../../../src/mcp/kit/json-schema.ts'
import { jsonBytes } from '../../../src/mcp/kit/answer-size.ts'
import { TOOLS } from '../../../src/mcp/tools/index.ts'

describe('the catalog', () => {
  it('holds the twelve tools, in this order', () => {
    expect(TOOLS.map(({ name }) => name)).toEqual([
      'workspace_register',
      'workspace_update',
      'workspace_list',
      'workspace_sync',
      'workspace_remove',
      'plan_submit',
      'plan_status',
      'plan_list',
      'plan_diff',
      'plan_message',
      'plan_cancel',
      'plan_resume',
    ])
  })

  it('costs under 4,500 tokens in all, with every description under 400 characters', () => {
    const definitions = TOOLS.map((tool) => ({
      name: tool.name,
      title: tool.title,
      description: tool.description,
      annotations: tool.annotations,
      ...jsonSchemaOf(tool),
    }))
    expect(jsonBytes(definitions) / 4).toBeLessThan(4_500)
    for (const { description } of TOOLS) expect(description.length).toBeLessThan(400)
  })

  it('gives each tool a title, all four hints, closed arguments and next_step in its answer', () => {
    for (const tool of TOOLS) {
      const { input, output } = jsonSchemaOf(tool)
      expect(tool.title).toMatch(/^[A-Z]/)
      expect(Object.keys(tool.annotations).toSorted()).toEqual([
        'destructiveHint',
        'idempotentHint',
        'openWorldHint',
        'readOnlyHint',
      ])
      expect(input).toMatchObject({ type: 'object', additionalProperties: false })
      expect(output).toMatchObject({ type: 'object', required: expect.arrayContaining(['next_step']) })
    }
  })

  it('is explained in under 1,500 characters', () => {
    expect(INSTRUCTIONS.length).toBeLessThan(1_500)
    for (const name of INSTRUCTIONS.match(/\b(?:plan|workspace)_(?!id)[a-z]+\b/g) ?? [])
      expect(TOOLS.map((tool) => tool.name)).toContain(name)
  })

  it('carries the version of package.json', async () => {
    const { version } = z.object({ version: z.string() }).parse(await import('../../../package.json'))
    expect(VERSION).toBe(version)
  })
})
