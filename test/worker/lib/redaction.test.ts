// A VM that says secrets in every field it may fill in, and upstreams that repeat them: nothing of it is kept anywhere.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { readSettings } from '../../../src/lib/settings.ts'
import { UpstreamError } from '../../../src/lib/errors.ts'
import { errorFields, log } from '../../../src/lib/log.ts'
import { ObservedPlan } from '../../../src/shared/protocol.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready, settle, work } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
  readSettings({ ...env })
})
afterEach(endOutside)

const GIT_TOKEN = 'ghp_CANARYgit0123456789'
const LETTERS = 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0u1V2w3'
/** Keys that the Worker did not know while each side had a table of its own. */
const STRANGERS = [
  `AIza${LETTERS.slice(0, 35)}`, // Google
  `sk-proj-${LETTERS}`, // OpenAI
  `SG.${LETTERS.slice(0, 22)}.${LETTERS.slice(0, 43)}`, // SendGrid
]
/** Exact values of this deployment, and those of strangers that are known by their shape only. */
const SECRETS = [
  ...Object.values(CANARIES).filter((value) => !value.startsWith('https:')),
  GIT_TOKEN,
  'glpat-strangers0123456789',
  ...STRANGERS,
]
const ALL = `leak: ${SECRETS.join(' ')} ${btoa(`x-access-token:${GIT_TOKEN}`)}`
const secretsIn = (text: string) =>
  [...SECRETS, btoa(`x-access-token:${GIT_TOKEN}`)].filter((secret) => text.includes(secret))

const Rows = z.array(z.record(z.string(), z.unknown()))

async function everything(name: string): Promise<string> {
  const tables = ['workspaces', 'plans', 'events']
  const d1 = await Promise.all(
    tables.map(async (table) =>
      JSON.stringify((await env.DB.prepare(`SELECT * FROM ${table}`).all()).results),
    ),
  )
  const object = await runInDurableObject(await objectOf(name), (_, state) => {
    const named = Rows.parse(
      state.storage.sql
        .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
        .toArray(),
    )
    return named.map(({ name: table }) =>
      JSON.stringify(state.storage.sql.exec(`SELECT * FROM "${String(table)}"`).toArray()),
    )
  })
  return [...d1, ...object].join('\n')
}

describe('a VM that reports secrets', () => {
  it('leaves none: no sink keeps them, neither the object, D1, a tool result nor a log line', async () => {
    const lines = vi.spyOn(console, 'log')
    const { stub, vm } = await ready('leaky', outside)
    const { plan } = await stub.submit('leaky', { plan: 'x' })
    await settle('leaky')
    await vm.sync()
    const observed = ObservedPlan.parse({
      id: plan.id,
      attempt: 1,
      status: 'ended',
      activity: 1,
      messagesTaken: 0,
      events: [{ n: 1, atMs: 1, type: 'say', text: ALL, data: { out: ALL, deep: [{ url: ALL }] } }],
      end: {
        kind: 'paused',
        reason: 'question',
        detail: ALL,
        question: ALL,
        work: {
          ...work,
          commits: [{ sha: work.head, subject: ALL.slice(0, 300) }],
          checks: [{ command: ALL, exitCode: 1, seconds: 1, newFailure: true }],
        },
      },
    })
    await vm.sync({
      plans: [observed],
      adopted: [{ ref: 'line-1', text: `By hand ${ALL}` }],
      mirrorError: ALL,
    })
    await settle('leaky')
    const kept = await everything('leaky')
    expect(kept).toContain('leak: [redacted: ORGO_API_KEY]')
    expect(secretsIn(kept)).toEqual([])
    const answer = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    expect(answer.plan.question).toContain('[redacted: OWNER_TOKEN]')
    expect(secretsIn(JSON.stringify([answer, await stub.branches('leaky')]))).toEqual([])
    expect(secretsIn(lines.mock.calls.flat().map(String).join('\n'))).toEqual([])
  })
})

describe('an error that quotes an upstream', () => {
  it('is logged and answered without what it quoted', () => {
    const lines = vi.spyOn(console, 'log').mockImplementation(() => {})
    const error = new UpstreamError('transient', 'x', `The host said ${ALL}`, new Error(ALL))
    log('test', { ...errorFields(error), note: ALL })
    expect(secretsIn(lines.mock.calls.flat().map(String).join('\n'))).toEqual([])
    expect(secretsIn(error.message)).toEqual([])
  })
})
