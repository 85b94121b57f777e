// What a run prints: a line per finished file with the count so far, every failure, the reasons of what was skipped, and the last line
// that CI reads: "N passed, N failed", followed by ", N skipped" where something could not run here.
import { writeFileSync } from 'node:fs'
import { DefaultReporter } from 'vitest/node'
import type { SerializedError, TestCase, TestModule, TestRunEndReason, TestSpecification } from 'vitest/node'

const SKIP_REASON = /\[skipped: (.*)\]/

export default class Progress extends DefaultReporter {
  #files = 0
  #done = 0
  readonly #counts = { passed: 0, failed: 0, skipped: 0 }
  readonly #reasons = new Map<string, number>()

  constructor() {
    // The summary is a window that is drawn anew and anew: only a terminal can show it.
    super({ summary: false })
  }

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications)
    this.#files = specifications.length
    // Under `npm test` (test/run.ts) the runner cleans up: waiting here for the tests that run would only be slow.
    if (process.env['AER_TEST_RUN'] === undefined) return
    for (const [signal, number] of [['SIGHUP', 1] as const, ['SIGINT', 2] as const, ['SIGTERM', 15] as const])
      process.once(signal, () => process.exit(128 + number))
  }

  override onTestModuleEnd(module: TestModule): void {
    this.#done++
    for (const test of module.children.allTests()) this.#count(test)
    // It could not be loaded, or a hook of it failed and none of its tests ran.
    const hasFailedTest = module.children.allTests('failed').next().done !== true
    if (module.state() === 'failed' && !hasFailedTest) this.#counts.failed++
    super.onTestModuleEnd(module)
  }

  #count(test: TestCase): void {
    const result = test.result()
    if (result.state === 'pending') return
    this.#counts[result.state]++
    if (result.state !== 'skipped') return
    const reason = result.note ?? SKIP_REASON.exec(test.fullName)?.[1] ?? `no reason given: ${test.fullName}`
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
  }

  /** One line a file: the base class would add a line for each slow test. */
  protected override printTestModule(module: TestModule): void {
    const seconds = (module.diagnostic().duration / 1_000).toFixed(1)
    const mark = module.state() === 'failed' ? '✗' : module.state() === 'skipped' ? '-' : '✓'
    this.log(
      `${mark} ${module.project.name} ${module.relativeModuleId} ${seconds} s (file ${this.#done} of ${this.#files}: ${this.#said()})`,
    )
    for (const test of module.children.allTests('failed')) this.log(`    ✗ ${test.fullName}`)
  }

  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason)
    this.#counts.failed += errors.length
    for (const [why, count] of this.#reasons) this.log(`skipped ${count}: ${why}`)
    const runFolder = process.env['AER_TEST_RUN']
    // The runner prints it, after it has cleaned up: nothing may follow it.
    if (runFolder === undefined) this.log(this.#said())
    else writeFileSync(`${runFolder}/closing-line`, this.#said())
  }

  #said(): string {
    const { passed, failed, skipped } = this.#counts
    return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  }
}
