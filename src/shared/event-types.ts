// What a plan's history can say. docs/states.md explains each type. On the wire any well-formed type is taken: newer agents know
// more.

/** Written by the Worker. */
export const WORKER_EVENTS = [
  'queued',
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'message',
  'pushed',
  'checkpoint_stored',
  'vm_replaced',
  'stopped',
  'unconfirmed',
  'merged',
  'closed',
  'reopened',
  'unknown',
  'pull_request',
  'pull_request_refused',
  'tidied',
  'events_dropped',
] as const
export type WorkerEventType = (typeof WORKER_EVENTS)[number]

/** Written by the VM: its claims. */
export const VM_EVENTS = [
  'preflight',
  'setup',
  'iteration',
  'compacted',
  'say',
  'tool',
  'item',
  'notice',
  'nudge',
  'stuck',
  'question',
  'assumption',
  'resumed',
  'commit',
  'push',
  'checkpoint',
  'base',
  'rebase',
  'conflict',
  'held',
  'secret_blocked',
  'check',
  'rejected',
  'judge',
  'evidence',
  'usage',
  'error',
] as const
export type VmEventType = (typeof VM_EVENTS)[number]
