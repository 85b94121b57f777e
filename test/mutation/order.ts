// What goes between `npm run mutation` and its lanes.
import { z } from 'zod'

export const Order = z.object({ mutant: z.int(), files: z.array(z.string()) })
export type Order = z.infer<typeof Order>

export const Answer = z.object({
  /** The first test that failed, or why a file could not run; null when all passed. */
  failure: z.string().nullable(),
  files: z.array(z.object({ file: z.string(), reached: z.array(z.int()), ms: z.number() })),
})
export type Answer = z.infer<typeof Answer>
