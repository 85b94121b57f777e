// How far one attempt may go. Tests lower them through the environment; a person sets none of them.
import { statfsSync } from 'node:fs'
import { z } from 'zod'

const Limits = z.object({
  /** One conversation; a fresh one begins after it. */
  turns: z.int().default(150),
  /** Conversations of one attempt. */
  iterations: z.int().default(12),
  /** Conversations in a row that leave the checkout as it was. */
  idleIterations: z.int().default(3),
  /** Conversations in a row that end by a failure: stuck, refused, too long. */
  failedIterations: z.int().default(5),
  /** From here on a fresh conversation begins at the next good moment: quality falls and cost grows with every token kept. */
  handoffTokens: z.int().default(60_000),
  /** No conversation goes on beyond this: it is compacted in the middle of an item, else a fresh one begins. */
  contextTokens: z.int().default(120_000),
  workMs: z.int().default(4 * 3_600_000),
  /** null: a gigabyte, or a twentieth of a smaller disk. */
  minFreeMb: z.int().nullable().default(null),
})
export type Limits = z.infer<typeof Limits>

/** `given`: what the Worker said of this attempt. Errors: throws when RALPH_LIMITS is set and is no JSON object of these. */
export function readLimits(env: NodeJS.ProcessEnv = process.env, given: Partial<Limits> = {}): Limits {
  const forTests: Record<string, unknown> = JSON.parse(env['RALPH_LIMITS'] ?? '{}')
  return Limits.parse({ ...given, ...forTests })
}

const MIN_FREE_MB = 1_024

/** What is wrong with the disk below a folder; null: enough is free. */
export function diskTrouble(folder: string, { minFreeMb }: Limits): string | null {
  const { bavail, blocks, bsize } = statfsSync(folder)
  const [freeMb, totalMb] = [bavail, blocks].map((count) => Math.floor((count * bsize) / 1_048_576))
  const neededMb = minFreeMb ?? Math.min(MIN_FREE_MB, Math.floor((totalMb ?? 0) / 20))
  return (freeMb ?? 0) >= neededMb
    ? null
    : `The disk of the VM is nearly full: ${freeMb} MB free, ${neededMb} MB needed to work on. Free some space or use a larger disk, then resume the plan.`
}
