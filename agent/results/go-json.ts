// Reads the events of `go test -json` and writes them again as the text that `go test` prints without -json. Pure.
import { z } from 'zod'
import { parseJson } from '../../src/shared/json.ts'
import type { NamedResult, TestState } from './test-results.ts'

const Event = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  ImportPath: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
})
type Event = z.infer<typeof Event>

const STATES: Readonly<Record<string, TestState>> = { pass: 'passed', fail: 'failed', skip: 'skipped' }
/** The lines with which a package ends. */
const CLOSING = /^(?:FAIL|ok {2}|\?|panic:|exit status)/
/** Lines of the verbose output that `go test` leaves out. */
const VERBOSE = /^(?:=== (?:RUN|PAUSE|CONT|NAME) |\s*--- (?:PASS|SKIP): )/

/** Returns the tests of all packages as `package > Test/sub`. */
export function readGoJson(output: string): NamedResult[] {
  const results = new Map<string, NamedResult>()
  const passed = new Set<string>()
  const unended = new Set<NamedResult>()
  for (const event of eventsOf(output)) {
    if (typeof event === 'string') continue
    const { Action: action, Package: name = '', Test: test } = event
    if (test === undefined) {
      if (action === 'pass') passed.add(name)
      continue
    }
    const key = `${name}\0${test}`
    const state = STATES[action]
    const known = results.get(key) ?? { path: [name, test], state: 'failed' }
    if (action === 'run') unended.add(known)
    else if (state !== undefined) {
      known.state = state
      unended.delete(known)
    } else continue
    results.set(key, known)
  }
  // Before Go 1.20 the end of a test is not seen when the test printed half a line. Otherwise the process died in that test.
  for (const result of unended) if (passed.has(result.path[0] ?? '')) result.state = 'passed'
  return [...results.values()]
}

/** Returns the text people know. Lines that are no event (of the compiler, for example) stay. */
export function renderGoJson(output: string, isVerbose: boolean): string {
  const lines: string[] = []
  const packages = new Map<string, PackageOutput>()
  let isRed = false
  for (const event of eventsOf(output)) {
    isRed ||= typeof event === 'string' ? event.startsWith('FAIL\t') : event.Action === 'fail'
    if (typeof event === 'string') lines.push(event)
    else if (isVerbose) lines.push(...wholeLines(event.Output))
    else {
      const name = event.Package ?? event.ImportPath ?? ''
      const known = packages.get(name) ?? new PackageOutput()
      packages.set(name, known)
      lines.push(...known.take(event))
    }
  }
  // The last line of a red run is no event.
  if (isRed) lines.splice(lines.at(-1) === '' ? -1 : lines.length, 0, 'FAIL')
  return lines.join('\n')
}

/** What one package printed. go shows the output of a test only when the test failed. */
class PackageOutput {
  readonly #held = new Map<string, string[]>()
  /** Output of failed subtests, by the test that waits for them. */
  readonly #failed = new Map<string, string[]>()
  readonly #shown: string[] = []

  /** Returns the lines that can be shown now. */
  take({ Test: test, Action: action, Output: text }: Event): string[] {
    if (test === undefined) {
      if (text === undefined || text === 'PASS\n' || VERBOSE.test(text)) return []
      if (!CLOSING.test(text)) return wholeLines(text)
      const shown = [...this.#shown.splice(0), ...[...this.#held.values()].flat()]
      this.#held.clear()
      return [...(/^(?:ok|\?)/.test(text) ? [] : shown), ...wholeLines(text)]
    }
    if (action === 'run') this.#held.set(test, [])
    if (text !== undefined && !VERBOSE.test(text)) this.#held.get(test)?.push(...wholeLines(text))
    const held = this.#held.get(test) ?? []
    // What a test prints, go shows at once; what it logs, only below a test that failed.
    if (STATES[action] !== undefined)
      this.#shown.push(...held.filter((line) => !/^ {4}/.test(line) && !FAILED.test(line)))
    if (action === 'fail') {
      const indent = ' '.repeat(4 * this.#depthOf(test))
      const logged = held
        .filter((line) => /^ {4}/.test(line) && !FAILED.test(line))
        .map((line) => indent + line)
      const block = [
        ...held.filter((line) => FAILED.test(line)),
        ...logged,
        ...(this.#failed.get(test) ?? []),
      ]
      const parent = this.#parentOf(test)
      if (parent === null) this.#shown.push(...block)
      else this.#failed.set(parent, [...(this.#failed.get(parent) ?? []), ...block])
    }
    if (STATES[action] !== undefined) this.#held.delete(test)
    return []
  }

  #depthOf(test: string): number {
    const parent = this.#parentOf(test)
    return parent === null ? 0 : 1 + this.#depthOf(parent)
  }

  /** A subtest's own name may hold a slash. */
  #parentOf(test: string): string | null {
    for (let at = test.lastIndexOf('/'); at > 0; at = test.lastIndexOf('/', at - 1))
      if (this.#held.has(test.slice(0, at))) return test.slice(0, at)
    return null
  }
}

const FAILED = /^ *--- FAIL: /
const wholeLines = (text = ''): string[] => (text === '' ? [] : [text.replace(/\n$/, '')])

/** Returns each line as its event, or as it is. */
function eventsOf(output: string): (Event | string)[] {
  return output.split('\n').map((line) => {
    if (!line.startsWith('{"')) return line
    const event = Event.safeParse(parseJson(line))
    return event.success ? event.data : line
  })
}
