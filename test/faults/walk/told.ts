// What the model was told in its requests, and how many of them came after the last progress. Pure.
import { z } from 'zod'

const Block = z.looseObject({ type: z.string() })
const Body = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.union([z.string(), z.array(Block)]) })),
})
const Result = z.object({ type: z.literal('tool_result'), tool_use_id: z.string(), content: z.unknown() })
const Call = z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string() })
type Block = z.infer<typeof Block>

const messagesOf = (body: string) =>
  Body.parse(JSON.parse(body)).messages.map(({ role, content }) => ({
    role,
    blocks: typeof content === 'string' ? [{ type: 'text', text: content }] : content,
  }))

/** Results of tools, and texts of the agent beside them. The first message is left out, because the plan's own text stands in it. */
export function wordsToldTo(bodies: readonly string[]): string {
  const words = new Set<string>()
  for (const body of bodies)
    for (const { role, blocks } of messagesOf(body).slice(1))
      if (role === 'user') for (const block of blocks) words.add(JSON.stringify(block))
  return [...words].join('\n')
}

/** How many requests came after the first one that told a new result of a step. A finish is no step. */
export function callsAfterProgress(bodies: readonly string[]): number {
  const seen = new Set<string>()
  let last = 0
  for (const [at, body] of bodies.entries()) {
    const before = seen.size
    for (const id of stepResults(messagesOf(body).flatMap(({ blocks }) => blocks))) seen.add(id)
    if (seen.size > before) last = at
  }
  return Math.max(0, bodies.length - last)
}

function stepResults(blocks: Block[]): string[] {
  const steps = new Set(
    blocks.flatMap((block) => {
      const call = Call.safeParse(block)
      return call.success && call.data.name === 'bash' ? [call.data.id] : []
    }),
  )
  return blocks.flatMap((block) => {
    const result = Result.safeParse(block)
    return result.success && steps.has(result.data.tool_use_id) ? [result.data.tool_use_id] : []
  })
}
