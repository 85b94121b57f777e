// Tokens a VM may hold: short statements signed with TOKEN_KEY. Whether they still hold is decided by the rows of the workspace's
// object. The signature is checked before any object is touched, so a forged token costs no object call.
import * as z from 'zod'
import { bytesEqual, fromBase64Url, hmacSha256, toBase64Url } from '../lib/crypto.ts'
import { parseJson } from '../shared/json.ts'

/** ticket: one bootstrap, 10 minutes. vm: a supervisor, until the next bootstrap. plan: one attempt, 45 minutes. */
export const VmClaims = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ticket'), workspace: z.string(), generation: z.int(), expiresAtMs: z.int() }),
  z.object({ kind: z.literal('vm'), workspace: z.string(), generation: z.int() }),
  z.object({
    kind: z.literal('plan'),
    workspace: z.string(),
    plan: z.string(),
    attempt: z.int(),
    expiresAtMs: z.int(),
  }),
])
export type VmClaims = z.infer<typeof VmClaims>
export type TicketClaims = Extract<VmClaims, { kind: 'ticket' }>
export type VmKeyClaims = Extract<VmClaims, { kind: 'vm' }>
export type PlanClaims = Extract<VmClaims, { kind: 'plan' }>

const TOKEN = /^aer_(?:ticket|vm|plan)_([A-Za-z0-9_-]{10,600})\.([A-Za-z0-9_-]{43})$/
const PLAN_TOKEN_STEP_MS = 15 * 60_000
const PLAN_TOKEN_LIFE_MS = 45 * 60_000

/** Returns when a plan token expires. Within one step of time the same token is made again, which keeps sync idempotent. */
export function planTokenExpiryMs(nowMs: number): number {
  return Math.floor(nowMs / PLAN_TOKEN_STEP_MS) * PLAN_TOKEN_STEP_MS + PLAN_TOKEN_LIFE_MS
}

export async function signVmToken(tokenKey: string, claims: VmClaims): Promise<string> {
  const payload = toBase64Url(new TextEncoder().encode(JSON.stringify(claims)))
  return `aer_${claims.kind}_${payload}.${toBase64Url(await hmacSha256(tokenKey, payload))}`
}

export type TokenProblem = 'malformed' | 'forged' | 'expired'

/** Returns the claims of a token we signed, or why there are none. The holder of an expired token waits for the next one. */
export async function verifyVmToken(
  tokenKey: string,
  token: string,
  nowMs: number,
): Promise<VmClaims | TokenProblem> {
  const match = TOKEN.exec(token)
  const [payload, given] = [match?.[1], fromBase64Url(match?.[2] ?? '!')]
  if (payload === undefined || given === null || tokenKey === '') return 'malformed'
  const expected = await hmacSha256(tokenKey, payload)
  if (!bytesEqual(given, expected)) return 'forged'
  const bytes = fromBase64Url(payload)
  const claims = VmClaims.safeParse(parseJson(bytes ?? ''))
  if (!claims.success) return 'malformed'
  if ('expiresAtMs' in claims.data && claims.data.expiresAtMs <= nowMs) return 'expired'
  return claims.data
}
