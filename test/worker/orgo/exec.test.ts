// Commands on a machine: judged by their exit code, bounded, never run twice.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MAX_OUTPUT_CHARS } from '../../../src/orgo/vm.ts'
import { BASH, cutLine, failure, ID, json, playOrgo } from './edge.ts'

let edge: ReturnType<typeof playOrgo>
beforeEach(() => {
  edge = playOrgo()
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('commands', () => {
  it.each([
    [
      { output: 'x', exit_code: 1, success: true },
      { exitCode: 1, output: 'x' },
    ],
    [
      { output: 'x', success: true },
      { exitCode: 0, output: 'x' },
    ],
    [
      { output: 'x', success: false },
      { exitCode: 1, output: 'x' },
    ],
    [
      { success: true, exit_code: null },
      { exitCode: 0, output: '' },
    ],
  ])('answer %j as %j', async (answer, result) => {
    edge.replies = { [BASH]: [json(200, answer)] }
    expect(await edge.orgo.exec(ID, 'true', 30_000)).toEqual(result)
    expect(edge.calls[0]?.body).toEqual({ command: 'true', timeout: 30 })
  })

  it.each([
    ['its time limit', () => json(500, { error: 'killed', upstream_status: 504 })],
    ['a 502 in HTML', () => new Response('<html>', { status: 502 })],
    [
      'an unreachable desktop',
      () => json(503, { error: 'Could not reach the desktop. Try again in a moment.' }),
    ],
    ['a cut line', cutLine],
  ])('are sent once and of unknown outcome after %s', async (_name, reply) => {
    edge.replies = { [BASH]: [reply] }
    expect(await failure(edge.orgo.exec(ID, 'true', 1_000))).toMatchObject({
      kind: 'transient',
      code: 'unknown_outcome',
      executed: 'unknown',
    })
    expect(edge.calls).toHaveLength(1)
  })

  it.each([
    [409, { code: 'computer_waking' }, { 'retry-after': '20' }, 20_000],
    [409, { code: 'resume_in_progress', retry_after: 2 }, {}, 2_000],
    [409, { code: 'suspend_in_progress' }, {}, 15_000],
    [503, { code: 'wake_failed' }, { 'retry-after': '600' }, 60_000],
    [503, { code: 'no_capacity' }, { 'retry-after': '0' }, 1_000],
  ])(
    'to a waking machine (%i %j) were not executed and say when to come back',
    async (status, body, headers, retryAfterMs) => {
      edge.replies = { [BASH]: [json(status, body, headers)] }
      expect(await failure(edge.orgo.exec(ID, 'true', 1_000))).toMatchObject({
        kind: 'transient',
        code: 'waking',
        executed: 'no',
        retryAfterMs,
      })
      expect(edge.calls).toHaveLength(1)
    },
  )

  it('to a machine that is not up yet wait and retry', async () => {
    edge.replies = { [BASH]: [json(400, { error: 'Desktop instance not available' })] }
    expect(await failure(edge.orgo.exec(ID, 'true', 1_000))).toMatchObject({
      kind: 'transient',
      code: 'not_running',
      executed: 'no',
    })
  })

  it.each([[404], [403]])('to a machine that is gone (%i) name that', async (status) => {
    edge.replies = { [BASH]: [json(status, {})] }
    expect(await failure(edge.orgo.exec(ID, 'true', 1_000))).toMatchObject({
      code: 'missing',
      executed: 'no',
    })
  })

  it.each([
    ['its seconds', () => '30', 30_000],
    ['its date', () => new Date(Date.now() + 60_000).toUTCString(), 58_000],
    ['its own limit of ten minutes', () => '86400', 600_000],
  ])('over the rate limit come back after %s', async (_name, header, atLeastMs) => {
    edge.replies = { [BASH]: [json(429, {}, { 'retry-after': header() })] }
    const error = await failure(edge.orgo.exec(ID, 'true', 1_000))
    expect(error).toMatchObject({ kind: 'transient', code: 'rate_limited', executed: 'no' })
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(atLeastMs)
    expect(error.retryAfterMs).toBeLessThanOrEqual(atLeastMs + 2_000)
  })

  it('over the rate limit leave the pace to the caller when Orgo names no time', async () => {
    edge.replies = { [BASH]: [json(429, {})] }
    const error = await failure(edge.orgo.exec(ID, 'true', 1_000))
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: undefined })
  })

  it('keep the end of a long output, and survive bytes that are no UTF-8', async () => {
    edge.replies = { [BASH]: [json(200, { output: `${'x'.repeat(500_000)}the end`, exit_code: 0 })] }
    const { output } = await edge.orgo.exec(ID, 'true', 1_000)
    expect(output).toHaveLength(MAX_OUTPUT_CHARS)
    expect(output.endsWith('the end')).toBe(true)
    const broken = new Uint8Array([
      ...new TextEncoder().encode('{"exit_code":0,"output":"a'),
      0xff,
      ...new TextEncoder().encode('"}'),
    ])
    edge.replies = { [BASH]: [new Response(broken)] }
    expect((await edge.orgo.exec(ID, 'true', 1_000)).output).toBe('a\ufffd')
  })

  it('that print without end are cut off instead of filling our memory', async () => {
    let sent = 0
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += 1024 * 1024
            controller.enqueue(new Uint8Array(1024 * 1024).fill(120))
          },
        }),
      )
    edge.replies = { [BASH]: [endless] }
    expect(await failure(edge.orgo.exec(ID, 'true', 1_000))).toMatchObject({ code: 'unknown_outcome' })
    expect(sent).toBeLessThan(12 * 1024 * 1024)
  })

  it('too long for a computer are not sent', async () => {
    expect(await failure(edge.orgo.exec(ID, 'é'.repeat(17_000), 1_000))).toMatchObject({
      kind: 'permanent',
      code: 'command_too_long',
    })
    expect(edge.calls).toEqual([])
  })
})
