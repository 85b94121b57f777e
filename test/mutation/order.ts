// What goes between `npm run mutation` and its lanes.
import { z } from 'zod'

/** One test file for one mutant; or for many mutants at once (batch.ts). 0 is no mutant. */
export const Order = z.object({ file: z.string(), mutants: z.array(z.int()) })
export type Order = z.infer<typeof Order>

export const Answer = z.object({
  /** For each mutant that was caught: the first test that failed, or why the file could not run. */
  caught: z.array(z.object({ mutant: z.int(), how: z.string() })),
  /** The mutants come by. */
  reached: z.array(z.int()),
})
export type Answer = z.infer<typeof Answer>
