// Ids that lead to their object. The object's name is the first 48 bits of SHA-256(workspace name), and a plan id is a UUIDv8
// that begins with those 48 bits. Finding a plan's object needs no look-up, so it works with D1 down.
import { randomHex, sha256Hex } from './crypto.ts'

export const WORKSPACE_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/
const PLAN_ID = /^([0-9a-f]{8})-([0-9a-f]{4})-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Returns 12 hex digits: the name of the workspace's Durable Object. */
export async function workspaceKey(name: string): Promise<string> {
  return (await sha256Hex(name)).slice(0, 12)
}

/** Returns a new plan id in the workspace with this key. */
export function newPlanId(key: string): string {
  const random = randomHex(10)
  const variant = '89ab'[parseInt(random.slice(3, 4), 16) % 4]
  return `${key.slice(0, 8)}-${key.slice(8, 12)}-8${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`
}

/** Returns the workspace key inside a plan id; null when it is not an id of ours. */
export function keyOfPlan(planId: string): string | null {
  const match = PLAN_ID.exec(planId)
  return match ? `${match[1]}${match[2]}` : null
}

/** Returns the UTC month as the monthly budget names it, such as 2026-11. */
export const utcMonth = (ms: number): string => new Date(ms).toISOString().slice(0, 7)
