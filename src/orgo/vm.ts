// The port to whoever rents out machines, in our words. One implementation: orgo.ts.
import { UpstreamError } from '../lib/errors.ts'

/** coming_up: wait. asleep, stopped: one call to running. gone_unconfirmed: the provider says deleted, a listing has to agree. */
export type VmState = 'running' | 'coming_up' | 'asleep' | 'stopped' | 'broken' | 'gone_unconfirmed'

export interface Vm {
  id: string
  name: string
  state: VmState
  /** Page for a person; null when the provider names none. */
  url: string | null
  /** Orgo's second, short id: what some of its hosts want instead of `id`. */
  instanceId: string | null
  workspaceId: string | null
}

export interface ExecResult {
  exitCode: number
  /** Both streams merged, at most MAX_OUTPUT_CHARS: the end is kept, because our status lines come last. */
  output: string
}

/** Every method throws VmError. None but the reads is ever repeated by itself. */
export interface VmProvider {
  /** By exact name among our own machines. */
  find(name: string): Promise<Vm | null>
  /** Never retried. After an error with `executed: 'unknown'` look for the name before trying again. */
  create(name: string): Promise<Vm>
  /** 'missing' only for "not found" and "no access": a reason to doubt, not yet a loss. */
  get(id: string): Promise<Vm | 'missing'>
  /** All machines this key can see, and the provider's own workspaces they are in: confirms a loss, or shows another account's key. */
  listAll(): Promise<{ ids: string[]; workspaceIds: string[] }>
  /** Computers in use and allowed by the provider's plan; null where it does not say. Never throws. */
  capacity(): Promise<{ used: number; max: number } | null>
  start(id: string): Promise<void>
  wake(id: string): Promise<void>
  restart(id: string): Promise<void>
  /** A machine that is gone already counts as destroyed, but not one in a workspace this key does not show: that is another account's. */
  destroy(id: string, workspaceId: string | null): Promise<void>
  exec(id: string, command: string, timeoutMs: number): Promise<ExecResult>
  /** Switches idle suspension off. False where the provider does not offer that (now): never an error, plans wake the machine anyway. */
  keepAwake(id: string): Promise<boolean>
}

export const MAX_OUTPUT_CHARS = 64 * 1024
/** Orgo's limit is not documented; 42 KB is known to pass, Linux refuses one argument above 128 KiB. */
export const MAX_COMMAND_BYTES = 32 * 1024

export interface VmErrorInput {
  kind: 'transient' | 'permanent'
  code: VmErrorCode
  /** Our words, naming the cure: shown to people. */
  message: string
  executed?: 'no' | 'unknown'
  /** When the provider said it: not before this. */
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
  /** no: the provider said that nothing happened. unknown: it may have. */
  readonly executed: 'no' | 'unknown'
  readonly retryAfterMs: number | undefined
  constructor(input: VmErrorInput) {
    super(input.kind, input.code, input.message, input.cause)
    this.executed = input.executed ?? 'no'
    this.retryAfterMs = input.retryAfterMs
  }
}

/** Name of a workspace's machine. The nonce is made at registration: a leftover of an earlier one is never adopted. At most 64 characters. */
export function vmName(workspaceName: string, nonce: string): string {
  return `aer-${workspaceName}-${nonce}`.slice(0, 64)
}
