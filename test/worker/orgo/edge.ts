// Orgo at its network edge, as the tests of the client play it: one list of replies for each call, and every call on record.
import { vi } from 'vitest'
import { createOrgo } from '../../../src/orgo/orgo.ts'
import { VmError } from '../../../src/orgo/vm.ts'

export const KEY = 'sk_live_CANARY'
export const ID = '5f1f3a6e-0000-4000-8000-000000000001'
export const WS = { id: 'ws-1', name: 'Agent-Runtime' }
export const BASH = `POST /computers/${ID}/bash`
export const COMPUTER = {
  id: ID,
  name: 'aer-demo-1',
  status: 'running',
  url: 'https://orgo.ai/c',
  instance_id: 'a3881618',
  workspace_id: 'ws-1',
  vnc_password: 'PASSWORD',
}

type Reply = Response | (() => Response)
/** By "METHOD /path", in order; the last of a list goes on answering. */
export type Replies = Record<string, Reply[]>

export function playOrgo() {
  const edge = {
    replies: {} as Replies,
    calls: [] as { call: string; body: unknown; headers: Headers }[],
    names: () => edge.calls.map(({ call }) => call),
    orgo: createOrgo({ apiUrl: 'https://orgo.test/api', apiKey: KEY }),
  }
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const call = `${request.method} ${new URL(request.url).pathname.replace('/api', '')}`
    const text = await request.text()
    edge.calls.push({ call, body: text === '' ? null : JSON.parse(text), headers: request.headers })
    const replies = edge.replies[call] ?? []
    const reply = replies.length > 1 ? replies.shift() : replies[0]
    if (reply === undefined) throw new Error(`Unexpected outbound request: ${call}`)
    return typeof reply === 'function' ? reply() : reply.clone()
  })
  return edge
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers })

export function cutLine(): never {
  throw new TypeError('network connection lost')
}

/** The VmError a call ends with. */
export async function failure(promise: Promise<unknown>): Promise<VmError> {
  const error: unknown = await promise.then(
    () => new Error('did not fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof VmError) return error
  throw error
}

/** Lets the pauses between retries pass at once; needs faked setTimeout. */
export async function hurried<T>(promise: Promise<T>): Promise<T> {
  const state = { isOver: false }
  const watched = promise.finally(() => {
    state.isOver = true
  })
  watched.catch(() => {}) // the caller gets it below
  while (!state.isOver) await vi.advanceTimersByTimeAsync(100)
  return watched
}
