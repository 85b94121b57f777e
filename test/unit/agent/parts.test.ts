// Items, limits, settings of a model and the counting of tokens: pure parts of the loop.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  describeItems,
  isEvidence,
  mergeItems,
  readItems,
  writeItems,
} from '../../../agent/tools/item-list.ts'
import { diskTrouble, readLimits } from '../../../agent/plan/limits.ts'
import { toSettings } from '../../../agent/model/model-settings.ts'
import { cacheHitShare, openUsageLog } from '../../../agent/model/usage-log.ts'

const home = mkdtempSync(join(tmpdir(), 'agent-parts-'))
mkdirSync(join(home, '.ralph'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('items', () => {
  const item = (what: string, passes: boolean) => ({ what, how_verified: `test -e ${what}`, passes })

  it('keep a tick only where both the item and its command stayed word by word', () => {
    const known = [item('a', true), item('b', true), item('c', false)]
    const wanted = [item('a', false), { what: 'b', how_verified: 'test -e other' }, item('d', true)]
    expect(mergeItems(known, wanted).map(({ passes }) => passes)).toEqual([true, false, false])
  })

  it.each([
    ['npm test', true],
    ['test -e a && true', true],
    ['true', false],
    [':', false],
    ['echo done; exit 0', false],
    ['true || false-positive', true],
    ['# nothing', false],
    ['', false],
  ])('%j is evidence: %s', (command, expected) => {
    expect(isEvidence(command)).toBe(expected)
  })

  it('are read back as written, shown with their boxes, and bind nobody once unreadable', () => {
    writeItems(home, [item('a', true), item('b', false)])
    expect(describeItems(readItems(home))).toBe(
      '1. [x] a (shown by: test -e a)\n2. [ ] b (shown by: test -e b)',
    )
    writeFileSync(join(home, '.ralph/plan.json'), '{"items": "all"}')
    expect(readItems(home)).toEqual([])
  })
})

describe('limits', () => {
  it('are the documented ones unless the Worker says another time, or the environment of a test lowers them', () => {
    expect(readLimits({})).toMatchObject({
      turns: 150,
      iterations: 12,
      contextTokens: 120_000,
      workMs: 14_400_000,
    })
    expect(readLimits({}, { workMs: 60_000 })).toMatchObject({ turns: 150, workMs: 60_000 })
    expect(readLimits({ RALPH_LIMITS: '{"workMs":3}' }, { workMs: 60_000 }).workMs).toBe(3)
    expect(readLimits({ RALPH_LIMITS: '{"turns":3}' })).toMatchObject({ turns: 3, iterations: 12 })
    expect(() => readLimits({ RALPH_LIMITS: '{"turns":"x"}' })).toThrow('turns')
  })

  it('name a nearly full disk with what is free and what is needed', () => {
    expect(diskTrouble(home, readLimits({ RALPH_LIMITS: '{"minFreeMb":0}' }))).toBeNull()
    // A file system of no size at all, such as /proc, needs nothing free.
    expect(diskTrouble('/proc', readLimits({}))).toBeNull()
    expect(diskTrouble(home, readLimits({ RALPH_LIMITS: '{"minFreeMb":1000000000}' }))).toMatch(
      /^The disk of the VM is nearly full: \d+ MB free, 1000000000 MB needed/,
    )
  })
})

describe('a model', () => {
  const yes = { supported: true }
  const no = { supported: false }
  const input = { model: 'm', effort: 'high', contextTokens: 120_000 }
  const modern = {
    max_input_tokens: 1_000_000,
    max_tokens: 128_000,
    capabilities: {
      compaction: { summarize: yes },
      effort: { supported: true, low: yes, medium: yes, high: yes, xhigh: yes, max: yes },
      thinking: { types: { adaptive: yes } },
    },
  }

  it('that can everything is asked for it', () => {
    expect(toSettings(modern, input)).toEqual({
      request: { max_tokens: 32_000, thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
      isPlain: false,
      canCompact: true,
      contextTokens: 120_000,
    })
  })

  it('that says nothing about itself gets the plainest request', () => {
    expect(toSettings({}, input)).toEqual({
      request: { max_tokens: 32_000 },
      isPlain: true,
      canCompact: false,
      contextTokens: 120_000,
    })
  })

  it.each([
    ['max', { low: yes, medium: yes, high: no, max: null }, 'medium'],
    ['low', { low: no, medium: no, high: yes, max: yes }, 'high'],
    ['nonsense', { low: yes, medium: yes, high: yes, max: yes }, 'high'],
  ])('without the effort %s is asked for the nearest it has', (effort, levels, expected) => {
    const capabilities = { effort: { supported: true, ...levels } }
    expect(toSettings({ capabilities }, { ...input, effort }).request.output_config).toEqual({
      effort: expected,
    })
  })

  it('with a small window or a price step keeps shorter conversations', () => {
    expect(toSettings({ ...modern, max_input_tokens: 100_000, max_tokens: 8_000 }, input)).toMatchObject({
      request: { max_tokens: 8_000 },
      contextTokens: 60_000,
    })
    expect(toSettings(modern, { ...input, model: 'claude-haiku-5-5' }).contextTokens).toBe(90_000)
  })
})

describe('usage', () => {
  const start = {
    type: 'message_start',
    message: {
      usage: {
        input_tokens: 5,
        cache_read_input_tokens: 100,
        cache_creation_input_tokens: 20,
        output_tokens: 1,
      },
    },
  }
  const line = (event: { type: string }) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

  it('is read from the events of a stream, however they are cut, and summed per attempt', () => {
    const log = openUsageLog(home, 7)
    const reader = log.reader('text/event-stream; charset=utf-8')
    const delta = { type: 'message_delta', usage: { output_tokens: 40 } }
    const bytes = Buffer.from(line({ type: 'ping' }) + line(start) + line(delta))
    for (let at = 0; at < bytes.length; at += 7) reader.read(bytes.subarray(at, at + 7))
    reader.end()
    expect(log.spent()).toEqual({ input: 5, output: 40, cacheRead: 100, cacheWrite: 20, answers: 1 })
    expect(openUsageLog(home, 8).spent()).toMatchObject({ answers: 0 })
  })

  it('counts what a cut stream had said, and nothing for an answer without usage', () => {
    const log = openUsageLog(home, 9)
    const cut = log.reader('text/event-stream')
    cut.read(Buffer.from(line(start)))
    cut.end()
    const refusal = log.reader('application/json')
    refusal.read(Buffer.from('{"type":"error"}'))
    refusal.end()
    expect(log.spent()).toEqual({ input: 5, output: 1, cacheRead: 100, cacheWrite: 20, answers: 1 })
  })

  it('adds what a compaction came to, which the totals leave out', () => {
    const log = openUsageLog(home, 10)
    const reader = log.reader('application/json')
    const usage = {
      input_tokens: 0,
      output_tokens: 0,
      iterations: [{ type: 'compaction', input_tokens: 9, output_tokens: 3 }],
    }
    reader.read(Buffer.from(JSON.stringify({ usage })))
    reader.end()
    expect(log.spent()).toMatchObject({ input: 9, output: 3 })
  })

  it('tells the share that came from the cache', () => {
    expect(cacheHitShare({ input: 5, cacheRead: 75, cacheWrite: 20, output: 9 })).toBe(0.75)
    expect(cacheHitShare({ input: 0, cacheRead: 0, cacheWrite: 0, output: 0 })).toBe(0)
  })
})
