// The interface to the service that rents out machines, in our own words. orgo.ts is its only implementation.
import { UpstreamError } from '../lib/errors.ts'

/** coming_up: wait. asleep, stopped: one call makes it run. gone_unconfirmed: said to be deleted; a listing must confirm it. */
export type VmState = 'running' | 'coming_up' | 'asleep' | 'stopped' | 'broken' | 'gone_unconfirmed'

export interface Vm {
  id: string
  name: string
  state: VmState
  /** Page for a person; null when the provider names none. */
  url: string | null
  /** Orgo's second, short id: some of its hosts expect it instead of `id`. */
  instanceId: string | null
  workspaceId: string | null
}

export interface ExecResult {
  exitCode: number
  /** Both streams merged, at most MAX_OUTPUT_CHARS. The end is kept, because our status lines come last. */
  output: string
}

/** Every method throws VmError. Only reads are ever repeated automatically. */
export interface VmProvider {
  /** Finds a machine by exact name among our own. */
  find(name: string): Promise<Vm | null>
  /** Never retried. After an error with `executed: 'unknown'`, look for the name before trying again. */
  create(name: string): Promise<Vm>
  /** Returns 'missing' only for "not found" and "no access": a reason to doubt, not yet a loss. */
  get(id: string): Promise<Vm | 'missing'>
  /** Returns all machines this key sees and the provider's workspaces they are in, to tell a loss from another account's key. */
  listAll(): Promise<{ ids: string[]; workspaceIds: string[] }>
  /** Returns the computers in use and those allowed by the provider's plan; null when it does not say. Never throws. */
  capacity(): Promise<{ used: number; max: number } | null>
  start(id: string): Promise<void>
  wake(id: string): Promise<void>
  restart(id: string): Promise<void>
  /** Deletes the machine. One that is gone counts as deleted, unless it is in a workspace that this key does not show. */
  destroy(id: string, workspaceId: string | null): Promise<void>
  exec(id: string, command: string, timeoutMs: number): Promise<ExecResult>
  /** Switches idle suspension off. False where that is not offered (now), which is no error: plans wake the machine anyway. */
  keepAwake(id: string): Promise<boolean>
}

export const MAX_OUTPUT_CHARS = 64 * 1024
/** Orgo does not document its limit. 42 KB is known to pass; Linux refuses one argument above 128 KiB. */
export const MAX_COMMAND_BYTES = 32 * 1024

export interface VmErrorInput {
  kind: 'transient' | 'permanent'
  code: VmErrorCode
  /** Our own text with what to do; it is shown to people. */
  message: string
  executed?: 'no' | 'unknown'
  /** Set when the provider named a time: do not call before this. */
  retryAfterMs?: number
  cause?: unknown
}

export type VmErrorCode =
  | 'key_refused'
  | 'scope_mismatch'
  | 'no_paid_time'
  | 'plan_limit'
  | 'rate_limited'
  | 'waking'
  | 'not_running'
  | 'missing'
  | 'name_taken'
  | 'workspace_missing'
  | 'conflict'
  | 'unsupported'
  | 'refused'
  | 'failed'
  | 'bad_answer'
  | 'unknown_outcome'
  | 'command_too_long'

export const permanent = (code: VmErrorCode, message: string): VmErrorInput => ({
  kind: 'permanent',
  code,
  message,
})
export const transient = (code: VmErrorCode, message: string): VmErrorInput => ({
  kind: 'transient',
  code,
  message,
})

export class VmError extends UpstreamError {
  override name = 'VmError'
  /** no: the provider said that nothing happened. unknown: it may have happened. */
  readonly executed: 'no' | 'unknown'
  readonly retryAfterMs: number | undefined
  constructor(input: VmErrorInput) {
    super(input.kind, input.code, input.message, input.cause)
    this.executed = input.executed ?? 'no'
    this.retryAfterMs = input.retryAfterMs
  }
}

/** Returns a machine's name, at most 64 characters. The registration's nonce keeps an earlier leftover from being adopted. */
export function vmName(workspaceName: string, nonce: string): string {
  return `aer-${workspaceName}-${nonce}`.slice(0, 64)
}
