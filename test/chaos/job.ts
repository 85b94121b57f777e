// What goes into a lane of runs and what comes out.
import { z } from 'zod'

export const Step = z.object({
  atMs: z.number(),
  do: z.string(),
  n: z.number(),
  at: z.string().optional(),
  lengthMs: z.number().optional(),
  chance: z.number().optional(),
  hits: z.number().optional(),
  /** Only in this state of the workspace. */
  state: z.string().optional(),
})
export const Schedule = z.object({ seed: z.int(), steps: z.array(Step), stormMs: z.number() })
export type Schedule = z.infer<typeof Schedule>
export type Step = z.infer<typeof Step>

/** Without any of it: the sample within `npm test`. `shrink`: a failure is cut down to fewer steps. `log`: the notes of the first run are kept, whatever came of it. */
export const Job = z.object({
  seed: z.int().default(1),
  runs: z.int().default(40),
  shrink: z.boolean().default(true),
  log: z.boolean().default(false),
  stopAfter: z.int().default(1),
  /** How many plans cost.test.ts runs; in a lane, more than 0 means that it runs instead of the others. */
  costPlans: z.int().default(0),
})
export type Job = z.infer<typeof Job>

export const Failure = z.object({
  seed: z.int(),
  violations: z.array(z.object({ invariant: z.string(), text: z.string() })),
  steps: z.array(Step),
  notes: z.array(z.string()),
})
export const Result = z.object({
  runs: z.int(),
  alarms: z.int(),
  plans: z.int(),
  seconds: z.number(),
  failures: z.array(Failure),
  visited: z.record(z.string(), z.int()),
  log: z.array(z.string()),
})
export type Result = z.infer<typeof Result>

declare module 'vitest' {
  interface ProvidedContext {
    chaos: Job
  }
}
