// The results of a check by test name, and the collector that gives each test a unique, bounded name.
import { cut } from '../../src/shared/text.ts'
import { clipText } from '../machine/output.ts'

export type TestState = 'passed' | 'failed' | 'skipped'

export interface NamedResult {
  /** File, describe, test: as much as the runner tells. */
  path: string[]
  state: TestState
}

/** From a test's name, `file > describe > test` where the runner tells so much, to how it ended. */
export type TestResults = ReadonlyMap<string, TestState>

/** How a check is run so that its runner names its tests. */
export interface Telling {
  /** Runs instead of the check's command. It is the same text unless arguments had to be added. */
  command: string
  /** Is set for the command in addition to its environment. It already holds the earlier values of the same variables. */
  env: Record<string, string>
  /** Returns the results by name; null when the runner did not name its tests. Call it right after the run. */
  read(output: string): TestResults | null
  /** Returns the output as it would have been without asking. */
  show(output: string): string
}

const MAX_NAME_CHARS = 300
const MAX_RESULTS = 20_000

export class ResultCollector {
  readonly #results = new Map<string, TestState>()
  readonly #uses = new Map<string, number>()
  readonly #checkout: string
  #isTooMany = false

  /** Absolute file names below `checkout` are shortened, so that two checkouts name a test alike. */
  constructor(checkout: string) {
    this.#checkout = checkout.replace(/\/+$/, '')
  }

  /** Adds one result. A name that is there already gets a counter: `name (2)`. */
  add(path: readonly string[], state: TestState): void {
    const name = this.#nameOf(path)
    if (name === '') return
    if (this.#results.size >= MAX_RESULTS) {
      this.#isTooMany = true
      return
    }
    let uses = this.#uses.get(name) ?? 0
    let unique: string
    do {
      uses += 1
      unique = uses === 1 ? name : `${name} (${uses})`
    } while (this.#results.has(unique))
    this.#uses.set(name, uses)
    this.#results.set(unique, state)
  }

  /**
   * Returns all results; null when there is none. More than 20,000 also give null: which ones fell out would depend on their
   * order, and a test would then seem to be missing.
   */
  results(): TestResults | null {
    return this.#results.size === 0 || this.#isTooMany ? null : this.#results
  }

  #nameOf(path: readonly string[]): string {
    const parts = path.map((part) => this.#inCheckout(part)).filter((part) => part !== '')
    const name = clipText(parts.join(' > '), 4 * MAX_NAME_CHARS)
      .replaceAll(/\s+/g, ' ')
      .trim()
    return name.length <= MAX_NAME_CHARS ? name : cut(name, MAX_NAME_CHARS)
  }

  #inCheckout(part: string): string {
    return part.startsWith(`${this.#checkout}/`) ? part.slice(this.#checkout.length + 1) : part
  }
}
