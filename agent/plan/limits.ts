// The limits of one attempt. Tests lower them through the environment; a person sets none of them here.
import { statfsSync } from 'node:fs'
import { z } from 'zod'

const Limits = z.object({
  /** Turns of one conversation. After these a fresh one begins. */
  turns: z.int().default(150),
  /** Conversations of one attempt. */
  iterations: z.int().default(12),
  /** Conversations in a row that change nothing in the checkout. */
  idleIterations: z.int().default(3),
  /** Conversations in a row that fail: stuck, refused or too long. */
  failedIterations: z.int().default(5),
  /** Above this a fresh conversation begins at the next commit or notes, because longer ones work worse and cost more. */
  handoffTokens: z.int().default(60_000),
  /** Above this a conversation is compacted in the middle of an item; otherwise a fresh one begins. */
  contextTokens: z.int().default(120_000),
  workMs: z.int().default(4 * 3_600_000),
  /** null means one gigabyte, or a twentieth of a smaller disk. */
  minFreeMb: z.int().nullable().default(null),
})
export type Limits = z.infer<typeof Limits>

/** Returns the limits; `given` comes from the Worker. Errors: throws when RALPH_LIMITS is set and is no JSON object of limits. */
export function readLimits(env: NodeJS.ProcessEnv = process.env, given: Partial<Limits> = {}): Limits {
  const forTests: Record<string, unknown> = JSON.parse(env['RALPH_LIMITS'] ?? '{}')
  return Limits.parse({ ...given, ...forTests })
}

const MIN_FREE_MB = 1_024

/** Returns what is wrong with the disk of a folder; null when enough is free. */
export function diskTrouble(folder: string, { minFreeMb }: Limits): string | null {
  const { bavail, blocks, bsize } = statfsSync(folder)
  const [freeMb, totalMb] = [bavail, blocks].map((count) => Math.floor((count * bsize) / 1_048_576))
  const neededMb = minFreeMb ?? Math.min(MIN_FREE_MB, Math.floor((totalMb ?? 0) / 20))
  return (freeMb ?? 0) >= neededMb
    ? null
    : `The disk of the VM is nearly full: ${freeMb} MB free, ${neededMb} MB needed to work on. Free some space or use a larger disk, then resume the plan.`
}
