// The interface to the service that rents out machines, in our own words. orgo.ts is its only implementation.
import { UpstreamError } from '../lib/errors.ts'

/**
 * coming_up: wait. asleep, stopped: one call brings it to running. gone_unconfirmed: the provider says deleted; a listing must
 * confirm it.
 */
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
  /**
   * Returns all machines this key can see, and the provider's own workspaces they are in. It confirms a loss, or shows that the
   * key is another account's.
   */
  listAll(): Promise<{ ids: string[]; workspaceIds: string[] }>
  /** Returns the computers in use and those allowed by the provider's plan; null when it does not say. Never throws. */
  capacity(): Promise<{ used: number; max: number } | null>
  start(id: string): Promise<void>
  wake(id: string): Promise<void>
  restart(id: string): Promise<void>
  /**
   * Deletes the machine. One that is gone already counts as deleted, unless it is in a workspace this key does not show: then it
   * is another account's.
   */
  destroy(id: string, workspaceId: string | null): Promise<void>
  exec(id: string, command: string, timeoutMs: number): Promise<ExecResult>
  /**
   * Switches idle suspension off. Returns false where the provider does not offer that (now). This is never an error, because
   * plans wake the machine anyway.
   */
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

/**
 * Returns the name of a workspace's machine, at most 64 characters. The nonce is made at registration, so a leftover of an
 * earlier one is never adopted.
 */
export function vmName(workspaceName: string, nonce: string): string {
  return `aer-${workspaceName}-${nonce}`.slice(0, 64)
}
