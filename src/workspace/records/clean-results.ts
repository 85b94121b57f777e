// Pure: takes characters that hide or reorder words out of what a VM says its proof found, before it is kept. So a row stays below
// what D1 takes in one value: each character is at most three bytes, and none is escaped as \u0000.
import { cleanLine } from '../../lib/text.ts'
import type { LookFirst, TestsReport } from '../../shared/results.ts'

const MAX_CHARS = 300
const clean = (text: string): string => cleanLine(text, MAX_CHARS)

export function cleanTests(tests: TestsReport): TestsReport {
  return {
    ...tests,
    newlyPassing: tests.newlyPassing.map(clean),
    newlyFailing: tests.newlyFailing.map(clean),
    missing: tests.missing.map(clean),
    changed: tests.changed.map(({ path, why }) => ({ path: clean(path), why: clean(why) })),
  }
}

export const cleanPlaces = (places: LookFirst): LookFirst =>
  places.map(({ path, line, why }) => ({ path: clean(path), line, why: clean(why) }))
