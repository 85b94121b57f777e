// The order of the test files: the projects that wait most come first, so that the short files fill the gaps at the end.
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

const FIRST = [
  'main-job',
  'real',
  'worker',
  'unit',
  'samples',
  'e2e',
  'machines',
  'browser',
  'clients',
  'chaos',
]

export class LongestFirst extends BaseSequencer {
  /** Within a project, vitest's own order: the longest of the last run, or where there was none, the largest file. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification): number => FIRST.indexOf(project.name)
    // oxlint-disable-next-line unicorn/no-array-sort -- it is vitest's own sort, which returns a new list
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}
