// The model stand-in: the Messages API of @anthropic-ai/sdk 1.12 on a loopback port. It follows a script in the plan's own text
// (script.ts describes it). It bills, caches and refuses as the real API does, and records every rule that a caller broke. It
// does not imitate threads, context editing, server tools or batches; those are refused by name.
import { createServer } from 'node:http'
import { Hono } from 'hono'
import { z } from 'zod'
import { answerRequest } from './api.ts'
import { createCache } from './cache.ts'
import { createCallLog } from './calls.ts'
import type { ModelCall } from './calls.ts'
import { createProgress } from './plan.ts'
import { listen, shut } from '../listen.ts'
import type { World } from './turn.ts'

export type ModelStandInOptions = {
  /** 0 takes any free port. */
  port: number
  apiKey: string
  /** One line per call. */
  log?: (line: string) => void
  /** File that keeps the places of all plans over a restart of the stand-in. */
  progressFile?: string
  /** File with every broken rule, one JSON string per line, kept over restarts. */
  violationsFile?: string
}
export type ModelStandIn = {
  /** Address for ANTHROPIC_BASE_URL, without /v1. */
  url: string
  /**
   * GET /model/calls[?body=1] → {calls, violations, usd}; DELETE /model/calls forgets the calls;
   * POST /model/reset forgets all, the places of plans too; POST /model/clock {advance_ms} moves the clock of the cache.
   */
  control: Hono
  calls(): ModelCall[]
  violations(): string[]
  advanceClock(ms: number): void
  close(): Promise<void>
}

export async function startModel(options: ModelStandInOptions): Promise<ModelStandIn> {
  let clockOffsetMs = 0
  const world: World = {
    progress: createProgress(options.progressFile),
    cache: createCache(() => Date.now() + clockOffsetMs),
    log: createCallLog(options.violationsFile),
    thought: new Set(),
  }
  const server = createServer((request, response) => {
    answerRequest(world, options, request, response).catch((error: unknown) => {
      options.log?.(`model: ${String(error)}`)
      response.destroy()
    })
  })
  // A plan may think for minutes before the first byte; the client's own timeouts decide.
  server.requestTimeout = 0
  const url = await listen(server, options.port)

  const advanceClock = (ms: number): void => {
    clockOffsetMs += ms
  }
  return {
    url,
    control: createControl(world, advanceClock),
    calls: () => world.log.calls(),
    violations: () => world.log.violations(),
    advanceClock,
    close: () => shut(server),
  }
}

const Advance = z.object({ advance_ms: z.number().min(0) })

function createControl(world: World, advanceClock: (ms: number) => void): Hono {
  const control = new Hono()
  control.get('/model/calls', (c) => {
    const calls = world.log.calls()
    const usd = calls.reduce((sum, call) => sum + call.usd, 0)
    const shown = c.req.query('body') === '1' ? calls : calls.map((call) => ({ ...call, body: undefined }))
    return c.json({ calls: shown, violations: world.log.violations(), usd })
  })
  control.delete('/model/calls', (c) => {
    world.log.clear()
    return c.json({ ok: true })
  })
  control.post('/model/reset', (c) => {
    for (const part of [world.log, world.progress, world.cache, world.thought]) part.clear()
    return c.json({ ok: true })
  })
  control.post('/model/clock', async (c) => {
    advanceClock(Advance.parse(await c.req.json()).advance_ms)
    return c.json({ ok: true })
  })
  return control
}
