// What a proof found besides its checks, as data: what became of the tests by name, and where a reviewer looks first. A VM reports
// it, so each list and each text is cut to its cap when it is read. A list that is too long is never refused.
import * as z from 'zod'
import { cut } from './text.ts'

const MAX_NAMES = 100
const MAX_NAME_CHARS = 300
const MAX_LOOK_FIRST = 5

const Name = z.string().transform((name) => (name.length > MAX_NAME_CHARS ? cut(name, MAX_NAME_CHARS) : name))
const LISTS = ['newlyPassing', 'newlyFailing', 'missing', 'changed'] as const
const Count = z.int().min(0)

const Tests = z.object({
  passed: Count,
  failed: Count,
  skipped: Count,
  newlyPassing: z.array(Name),
  newlyFailing: z.array(Name),
  /** Tests that passed at the base and did not run, or were skipped, with the work. */
  missing: z.array(Name),
  /** Tests of the base that count in the work's version, each with the judge's reason. */
  changed: z.array(z.object({ path: Name, why: Name })),
  /** How many entries each list lost to a cap. Absent when all lists are complete. */
  leftOut: z.object({ newlyPassing: Count, newlyFailing: Count, missing: Count, changed: Count }).optional(),
})
export type TestsReport = z.infer<typeof Tests>
/** The runner's own report, the base beside the head. */
export const TestsReport = Tests.transform((tests) => shortenTests(tests, MAX_NAMES))

/** Keeps the first maxNames entries of each list and counts the others. */
export function shortenTests(tests: TestsReport, maxNames: number): TestsReport {
  const before = tests.leftOut ?? { newlyPassing: 0, newlyFailing: 0, missing: 0, changed: 0 }
  const leftOut = { ...before }
  for (const list of LISTS) leftOut[list] += Math.max(0, tests[list].length - maxNames)
  return {
    ...tests,
    newlyPassing: tests.newlyPassing.slice(0, maxNames),
    newlyFailing: tests.newlyFailing.slice(0, maxNames),
    missing: tests.missing.slice(0, maxNames),
    changed: tests.changed.slice(0, maxNames),
    ...(LISTS.some((list) => leftOut[list] > 0) ? { leftOut } : {}),
  }
}

/** Places a reviewer looks at first, the most telling one first. They are computed, never written by the model. */
export const LookFirst = z
  .array(z.object({ path: Name, line: z.int().min(1).optional(), why: Name }))
  .transform((places) => places.slice(0, MAX_LOOK_FIRST))
export type LookFirst = z.infer<typeof LookFirst>
