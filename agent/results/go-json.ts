// Reads the events of `go test -json` and writes them again as the text that `go test` prints without -json. Pure.
import { z } from 'zod'
import { parseJson } from '../../src/shared/json.ts'
import type { NamedResult, TestState } from './test-results.ts'

const Event = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
})
type Event = z.infer<typeof Event>

const STATES: Readonly<Record<string, TestState>> = { pass: 'passed', fail: 'failed', skip: 'skipped' }
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

/**
 * Returns the text for people: what failed tests and packages print, or everything where the person asked for it. Lines that are no
 * event (of the compiler, for example) stay. They come in the order of the events.
 */
export function renderGoJson(output: string, isVerbose: boolean): string {
  const quiet = new Set(
    readGoJson(output).flatMap(({ path, state }) => (state === 'failed' ? [] : path.join('\0'))),
  )
  return eventsOf(output)
    .flatMap((event) => {
      if (typeof event === 'string') return [event]
      const { Output: text, Test: test, Package: name = '' } = event
      if (text === undefined) return []
      const isLeftOut =
        VERBOSE.test(text) || text === 'PASS\n' || (test !== undefined && quiet.has(`${name}\0${test}`))
      return isLeftOut && !isVerbose ? [] : [text.replace(/\n$/, '')]
    })
    .join('\n')
}

/** Returns each line as its event, or as it is. */
function eventsOf(output: string): (Event | string)[] {
  return output.split('\n').map((line) => {
    if (!line.startsWith('{"')) return line
    const event = Event.safeParse(parseJson(line))
    return event.success ? event.data : line
  })
}
