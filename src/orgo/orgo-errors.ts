// Turns Orgo's refusals into our own messages: what happened, whether a retry helps, and what to do. Orgo's own text is only
// logged. Codes and texts were read in 2026 in Orgo's documents and its own client; an unknown code falls back to the status.
import * as z from 'zod'
import { permanent, transient, VmError } from './vm.ts'
import type { VmErrorInput } from './vm.ts'

const WAKING = new Set([
  'computer_waking',
  'computer_asleep',
  'suspend_in_progress',
  'resume_in_progress',
  'resuming',
  'wake_failed',
  'no_capacity',
  'saved_state_unavailable',
])
const PLAN_CURES: Record<string, string> = {
  UPGRADE_REQUIRED: 'this Orgo plan has no computers. Upgrade it at orgo.ai',
  VM_SLOT_ADDON: 'all computers of this Orgo plan are in use. Delete one or add a slot at orgo.ai',
  CHANGE_PLAN: 'all computers of this Orgo plan are in use. Delete one or upgrade at orgo.ai',
  DESKTOP_LIMIT: 'all computers of this Orgo plan are in use. Delete one or upgrade at orgo.ai',
  VCPU_ADDON: 'this Orgo plan does not allow so many CPUs. Upgrade it at orgo.ai',
  PER_COMPUTER_CPU_CAP: 'this Orgo plan does not allow so many CPUs. Upgrade it at orgo.ai',
  PER_COMPUTER_RAM_CAP: 'this Orgo plan does not allow so much memory per computer. Upgrade it at orgo.ai',
  RAM_ADDON: "the Orgo account's memory is used up. Delete or shrink a computer, or add memory at orgo.ai",
  DISK_QUOTA_EXCEEDED: "the Orgo plan's disk space is used up. Delete a computer or upgrade at orgo.ai",
  DISK_EXCEEDS_QUOTA: "the Orgo plan's disk space is used up. Delete a computer or upgrade at orgo.ai",
  PLAN_LIMIT: "a limit of this Orgo account's contract is reached. Ask Orgo's support",
}
// Older Orgo plans answer without a code.
const PLAN_TEXTS: [RegExp, string][] = [
  [/\bram limit exceeded|not enough account ram/i, 'RAM_ADDON'],
  [/computer limit reached|your plan allows \d+ computers?/i, 'VM_SLOT_ADDON'],
  [/disk.{0,40}(quota|exceeds)/i, 'DISK_QUOTA_EXCEEDED'],
]
const MIN_WAKE_MS = 1_000
const MAX_WAKE_MS = 60_000
const DEFAULT_WAKE_MS = 15_000
const AGENT_STARTS_MS = 5_000
const MAX_RATE_WAIT_MS = 10 * 60_000

const Refusal = z.object({
  error: z.string().catch(''),
  code: z.string().catch(''),
  retry_after: z.number().optional().catch(undefined),
  upstream_status: z.number().optional().catch(undefined),
})

export interface AnswerInput {
  /** What the call did, for the message: "creating a computer". */
  what: string
  status: number
  headers: Headers
  /** The parsed JSON; undefined when the body was not JSON. */
  body: unknown
  /** True for calls that change something: a 5xx to those does not say whether the change happened. */
  mutates: boolean
  nowMs: number
}

/** Returns the VmError for an answer that is not 2xx. */
export function toVmError(answer: AnswerInput): VmError {
  const parsed = Refusal.safeParse(answer.body ?? {})
  const refusal = parsed.success
    ? parsed.data
    : { error: '', code: '', retry_after: undefined, upstream_status: undefined }
  const waitMs = retryAfterMs(answer, refusal.retry_after)
  return new VmError({
    cause: new Error(`Orgo answered ${answer.status} ${refusal.code} ${refusal.error.slice(0, 200)}`.trim()),
    ...describe(answer, refusal, waitMs),
  })
}

function describe(
  { what, status, mutates }: AnswerInput,
  { error, code, upstream_status: desktopStatus }: z.infer<typeof Refusal>,
  waitMs: number | undefined,
): VmErrorInput {
  if ((status === 409 || status === 503) && WAKING.has(code))
    return {
      ...transient('waking', 'The computer is waking up.'),
      retryAfterMs: Math.min(Math.max(waitMs ?? DEFAULT_WAKE_MS, MIN_WAKE_MS), MAX_WAKE_MS),
    }
  const plan = planRefusal(status, code, error)
  if (plan !== null) return permanent('plan_limit', `Orgo refused ${what}: ${plan}.`)
  const later = (name: VmErrorInput['code'], message: string): VmErrorInput => ({
    ...transient(name, message),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  })
  if (status === 401)
    return permanent(
      'key_refused',
      'Orgo refused ORGO_API_KEY. Set a valid one with `npx wrangler secret put ORGO_API_KEY`.',
    )
  if (status === 402)
    return permanent(
      'no_paid_time',
      `Orgo refused ${what}: the account has no paid running time left. Choose a paid plan at orgo.ai.`,
    )
  if (code === 'workspace_scope_mismatch')
    return permanent(
      'scope_mismatch',
      'ORGO_API_KEY reaches only one Orgo workspace, and not the one needed. Set an account-wide key.',
    )
  if (status === 403 || status === 404)
    return permanent(
      'missing',
      `Orgo does not know what ${what} needs, or this key may not touch it (${status}).`,
    )
  if (status === 400 && /instance not available/i.test(error))
    return {
      ...later('not_running', 'The computer is not up yet.'),
      retryAfterMs: waitMs ?? AGENT_STARTS_MS,
    }
  if ((status === 400 || status === 409) && /already exists|name.{0,20}taken/i.test(error))
    return later('name_taken', 'A computer of that name exists already.')
  if (status === 409)
    return later('conflict', `Orgo says the computer is not in the right state for ${what}.`)
  if (status === 429) return later('rate_limited', 'Orgo asks to slow down (429).')
  if (status === 405) return permanent('unsupported', `This Orgo host does not offer ${what} (405).`)
  if (status >= 300 && status < 400)
    return permanent('refused', `Orgo redirected ${what} elsewhere (${status}). Check ORGO_API_URL.`)
  if (status < 500) return permanent('refused', `Orgo refused ${what} (${status}).`)
  const why =
    desktopStatus === 408 || desktopStatus === 504 ? 'ran into its time limit' : `failed (${status})`
  return mutates
    ? {
        ...later('unknown_outcome', `${capital(what)} ${why}; whether it happened is not known.`),
        executed: 'unknown',
      }
    : later('failed', `Orgo failed at ${what} (${status}).`)
}

function planRefusal(status: number, code: string, text: string): string | null {
  if (status !== 400 && status !== 402 && status !== 403 && status !== 409) return null
  const byCode = PLAN_CURES[code.toUpperCase()]
  if (byCode !== undefined) return byCode
  const byText = PLAN_TEXTS.find(([pattern]) => pattern.test(text))
  return byText === undefined ? null : (PLAN_CURES[byText[1]] ?? null)
}

/** Returns Retry-After (seconds or a date), else the body's seconds, in milliseconds. */
function retryAfterMs({ headers, nowMs }: AnswerInput, seconds: number | undefined): number | undefined {
  const header = headers.get('retry-after')
  const fromHeader =
    header === null || header.trim() === ''
      ? Number.NaN
      : /^\d+(\.\d+)?$/.test(header.trim())
        ? Number(header) * 1_000
        : Date.parse(header) - nowMs
  const waitMs = Number.isFinite(fromHeader)
    ? fromHeader
    : seconds === undefined
      ? undefined
      : seconds * 1_000
  return waitMs === undefined ? undefined : Math.min(Math.max(waitMs, MIN_WAKE_MS), MAX_RATE_WAIT_MS)
}

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
