// A small client for the tests of the stand-in itself. It uses plain HTTP, so that a test sees the raw answers.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { startOrgo } from './server.ts'
import type { OrgoStandIn, StartOrgoOptions } from './server.ts'

export const API_KEY = 'key-of-the-test'
const POLL_MS = 20
const PATIENCE_MS = 240_000

const bashAnswer = z.object({ output: z.string(), exit_code: z.number() })
const withId = z.object({ id: z.string() })

export type Answer = { status: number; body: Record<string, unknown> }

export type World = Awaited<ReturnType<typeof startWorld>>

/** Starts a stand-in on `stateDir` (a fresh one if none is given); `[Symbol.asyncDispose]` ends it. */
export async function startWorld(options: Partial<StartOrgoOptions> = {}) {
  const isOwnDir = options.stateDir === undefined
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'orgo-test-'))
  const common = { port: 0, stateDir, apiKey: API_KEY, nodeBinary: process.execPath, log: () => {} }
  const orgo = await startOrgo({ ...common, ...options })
  const client = createClient(orgo.url)
  return {
    orgo,
    stateDir,
    ...client,
    control: createControlClient(orgo),
    async [Symbol.asyncDispose]() {
      await orgo.close()
      if (isOwnDir) rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

function createControlClient(orgo: OrgoStandIn) {
  return async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await orgo.control.request(`/orgo${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
    return answer
  }
}

/** Calls the API at `url` (with /api). */
export function createClient(url: string) {
  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) }
  }

  /** One bash call that must reach the computer, with retries only while it is not available yet. */
  async function bash(id: string, command: string, timeoutS?: number): Promise<z.infer<typeof bashAnswer>> {
    const answer = await until(`bash on ${id}`, async () => {
      const got = await call('POST', `/computers/${id}/bash`, { command, timeout: timeoutS })
      return got.body['error'] === 'Desktop instance not available' ? undefined : got
    })
    if (answer.status !== 200) throw new Error(`bash: ${answer.status} ${JSON.stringify(answer.body)}`)
    return bashAnswer.parse(answer.body)
  }

  let workspaceId: string | undefined
  /** Returns the id of a new computer, which may not have booted yet. */
  async function create(name: string, more: Record<string, unknown> = {}): Promise<string> {
    workspaceId ??= withId.parse((await call('POST', '/workspaces', { name: 'tests' })).body).id
    return withId.parse((await call('POST', '/computers', { workspace_id: workspaceId, name, ...more })).body)
      .id
  }

  async function waitForStatus(id: string, status: string): Promise<void> {
    await until(`${id} to be ${status}`, async () =>
      (await call('GET', `/computers/${id}`)).body['status'] === status ? true : undefined,
    )
  }

  return { call, bash, create, waitForStatus }
}

/** Asks until there is an answer. Errors: throws after 20 s and names what it waited for. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadlineMs = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadlineMs) throw new Error(`waited 20 s for ${what}`)
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
}
