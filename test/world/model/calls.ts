// The log of the model stand-in, for tests: every call with its plan, usage and price, and every broken rule.
import { appendFileSync } from 'node:fs'
import type { Ended } from './stream.ts'
import type { Usage } from './usage.ts'

/** Bodies of older calls are dropped, because a long plan's histories would fill the memory. */
const BODIES_KEPT = 300

export type ModelCall = {
  at: string
  path: string
  /** The plan whose text is in the first user message, or whose judge asks. */
  plan: string | null
  /** SHA-256 of the bytes between the plan's tags, in hex. */
  planSha256: string | null
  about: 'plan' | 'judge' | 'compaction' | 'other' | 'count_tokens'
  /** Number of tool calls answered before this one; null when no script is followed. */
  place: number | null
  model: string | null
  betas: string
  /** null until the call is answered. A call is listed as soon as it arrives. */
  status: number | null
  error: string | null
  stream: boolean
  messages: number
  /** Names of the tools called, with the stop reason. */
  tools: string[]
  stopReason: string | null
  ended: Ended | null
  usage: Usage | null
  usd: number
  durationMs: number
  /** The request's body; undefined once the call is too old. */
  body?: unknown
}

export type CallLog = {
  add(call: ModelCall): void
  offend(message: string): void
  calls(): ModelCall[]
  violations(): string[]
  clear(): void
}

/** With `violationsFile`, broken rules outlive the process, so that a test at the end sees them all. */
export function createCallLog(violationsFile?: string): CallLog {
  const calls: ModelCall[] = []
  const violations: string[] = []
  return {
    add(call) {
      calls.push(call)
      const old = calls[calls.length - 1 - BODIES_KEPT]
      if (old !== undefined) delete old.body
    },
    offend(message) {
      violations.push(message)
      if (violationsFile !== undefined) appendFileSync(violationsFile, `${JSON.stringify(message)}\n`)
    },
    calls: () => [...calls],
    violations: () => [...violations],
    clear() {
      calls.length = 0
      violations.length = 0
    },
  }
}
