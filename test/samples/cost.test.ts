// What a plan of 120 turns costs, by the stand-in's cache simulator and prices: Ralph's fresh, clipped conversations against the same
// work in one cached context (design B of the comparison Ralph was built on). Three counts of the same plan must agree: the
// simulator's, the gateway's reading of the streams, and the agent's own.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import { expect, test } from 'vitest'
import { openJournal } from '../../agent/plan/journal.ts'
import { blocksOf } from '../../agent/model/messages.ts'
import { countTokens, createCache } from '../world/model/cache.ts'
import { findModel } from '../world/model/models.ts'
import { MessagesRequest } from '../world/model/request.ts'
import { toDollars } from '../world/model/usage.ts'
import { createPlanVm } from '../real/support/plan-vm.ts'
import { ended, until } from '../real/support/vm.ts'

const TURNS = 120
const OUTPUT_TOKENS = 450
const TOOL_TOKENS = 2_600
/** Every tenth command prints a long log, as test suites and builds do; the mean is TOOL_TOKENS of four bytes. */
const LONG_BYTES = 75_000
const SHORT_BYTES = Math.round((TOOL_TOKENS * 4 * 10 - LONG_BYTES) / 9)

/** Works a little, prints its output, and commits every fifth time. */
const STEP = `n=$(($(cat ~/n 2>/dev/null || echo 0) + 1)); echo $n > ~/n
echo "step $n" >> work.txt
if [ $((n % 10)) = 0 ]; then bytes=${LONG_BYTES}; else bytes=${SHORT_BYTES}; fi
awk -v n=$n -v bytes=$bytes 'BEGIN { while (size < bytes) { line = "step " n " line " ++i ": something was looked at and it was as expected"; print line; size += length(line) + 1 } }'
if [ $((n % 5)) = 0 ]; then git add work.txt; git commit -qm "step $n"; fi
`

test(
  'a plan of 120 turns costs at most half of the same work in one cached context, and all three counts agree',
  { timeout: 300_000 },
  async () => {
    await using vm = await createPlanVm({
      files: { 'step.sh': STEP, 'AGENTS.md': 'Mind the style.\n'.repeat(400) },
    })
    // With the thinking block and the call around them, these words make a reply of OUTPUT_TOKENS.
    const say = 'I looked at this with care. '.repeat(46)
    const plan = vm.worker.submit(
      `A long plan\n\n\`\`\`model\n${JSON.stringify({ loop: TURNS })}\n${JSON.stringify({ say, tool: 'bash', input: { command: 'bash step.sh' } })}\n\`\`\`\n`,
    )
    await vm.ring()
    await until(ended(plan), 'the end of the plan', 280_000)
    expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
    const calls = vm.model.calls().filter(({ usage }) => usage !== null)
    const simulated = calls.reduce((sum, { usd }) => sum + usd, 0)

    const journal = openJournal(join(vm.home(plan), '.ralph/journal.jsonl')).records()
    const work = workOf(journal)
    expect(work).toHaveLength(TURNS)
    expect(mean(work.map(({ reply }) => countTokens(blocksOf(reply))))).toBeCloseTo(OUTPUT_TOKENS, -2)
    expect(mean(work.map(({ raw }) => Buffer.byteLength(raw) / 4))).toBeCloseTo(TOOL_TOKENS, -2)
    const first = MessagesRequest.parse(JSON.parse(vm.worker.modelBodies[0] ?? ''))
    const [b, g] = [oneContext(first, work, '5m'), oneContext(first, work, '1h')]

    // The judge is asked by another process, whose words are no part of the plan's own.
    const asked = calls.filter(({ about }) => about === 'plan' || about === 'compaction')
    const tokens = asked.reduce(
      (sum, { usage }) => ({
        input: sum.input + (usage?.input_tokens ?? 0),
        output: sum.output + (usage?.output_tokens ?? 0),
        cacheRead: sum.cacheRead + (usage?.cache_read_input_tokens ?? 0),
        cacheWrite: sum.cacheWrite + (usage?.cache_creation_input_tokens ?? 0),
      }),
      { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    )
    const own = plan.events.find(({ type }) => type === 'usage')?.data ?? {}
    const gateway = vm.worker.spent.reduce((sum, { usd }) => sum + usd, 0)
    const conversations = plan.events.filter(({ type }) => type === 'iteration').length + 1
    const prefix = countTokens([first.tools, first.system])
    console.log(
      [
        `${TURNS} turns, ${conversations} conversations, ${calls.length} answers; static prefix ${prefix} tokens`,
        `Ralph $${simulated.toFixed(3)}; gateway's count $${gateway.toFixed(3)}; cache hits ${(100 * Number(own['cache_hit_share'])).toFixed(1)} %`,
        `one cached context: 5 min $${b.toFixed(3)} (${percent(simulated / b)}), 1 h $${g.toFixed(3)} (${percent(simulated / g)})`,
      ].join('\n'),
    )
    expect(simulated / b).toBeLessThanOrEqual(0.5)
    expect(Math.abs(gateway / simulated - 1)).toBeLessThan(0.01)
    expect(own).toMatchObject(tokens)
  },
)

interface Turn {
  reply: BetaMessageParam
  id: string
  /** What the command printed, unclipped. */
  raw: string
}

/** The calls that were really run, each with the reply that made it. */
function workOf(records: ReturnType<ReturnType<typeof openJournal>['records']>): Turn[] {
  const results = new Map(
    records.flatMap((record) => (record.kind === 'tool_end' ? [[record.id, record.content]] : [])),
  )
  return records.flatMap((record) => {
    if (record.kind !== 'message' || record.message.role !== 'assistant') return []
    const call = blocksOf(record.message).find((block) => block.type === 'tool_use' && block.name === 'bash')
    const said = call?.type === 'tool_use' ? results.get(call.id) : undefined
    if (call?.type !== 'tool_use' || typeof said !== 'string') return []
    const log = /the full text is in (\S+)/.exec(said)?.[1]
    return [{ reply: record.message, id: call.id, raw: log === undefined ? said : readFileSync(log, 'utf8') }]
  })
}

/** The same turns in one conversation, cached, nothing clipped: what the simulator says it costs. */
function oneContext(first: MessagesRequest, work: Turn[], ttl: '5m' | '1h'): number {
  const model = findModel(first.model)
  if (model === undefined || typeof first.system !== 'object') throw new Error('no request to start from')
  const cache = createCache(() => 0)
  const control = { type: 'ephemeral' as const, ttl }
  const system = first.system.map((block) => ({ ...block, cache_control: control }))
  const messages = [...first.messages]
  let usd = 0
  for (const { reply, id, raw } of work) {
    const request = MessagesRequest.parse({ ...first, system, cache_control: control, messages })
    const usage = { ...cache.charge(request), output_tokens: countTokens(blocksOf(reply)) }
    usd += toDollars(usage, model)
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: raw }] }
    messages.push(...MessagesRequest.shape.messages.parse([reply, result]))
  }
  return usd
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
