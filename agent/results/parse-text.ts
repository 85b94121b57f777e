// Reads the output of runners that name every test without being asked: cargo, ctest, unittest -v, ava, bun, minitest -v. Pure.
import type { NamedResult, TestState } from './test-results.ts'

type Parser = (lines: readonly string[]) => NamedResult[]

/** Returns what the lines name, by runner. An output may hold several. */
export function parseText(output: string): Record<'unittest' | 'others', NamedResult[]> {
  const lines = output.split('\n')
  const others: Parser[] = [cargo, nextest, ctest, ava, bun, minitest]
  return { unittest: unittest(lines), others: others.flatMap((parse) => parse(lines)) }
}

/** `test a::b ... ok` below `Running unittests src/lib.rs (target/debug/deps/x-0123)`. */
const cargo: Parser = (lines) => {
  let target = ''
  const results: NamedResult[] = []
  for (const line of lines) {
    const header = /^\s+(?:Running (.+?)(?: \(\S+\))?|(Doc-tests .+))$/.exec(line)
    if (header !== null) target = (header[1] ?? header[2] ?? '').replace(/ \(\S+\)$/, '')
    const test = /^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:, .*)?(?: <[\d.]+s>)?$/.exec(
      line,
    )
    const state = { ok: 'passed', FAILED: 'failed', ignored: 'skipped' } as const
    if (test !== null)
      results.push({ path: [target, test[1] ?? ''], state: state[test[2] as keyof typeof state] })
  }
  return results
}

/** `        PASS [   0.005s] crate module::test`; a failed one is told again at the end. */
const nextest: Parser = (lines) => {
  const states = new Map<string, TestState>()
  for (const line of lines) {
    const test =
      /^ +(PASS|FAIL|SKIP|LEAK|TIMEOUT|SIG\w+) \[ *[\d.]*s?\] (?:\( *\d+\/\d+\) )?(\S+ \S.*)$/.exec(line)
    if (test === null) continue
    const isPassed = test[1] === 'PASS' || test[1] === 'LEAK'
    states.set(test[2] ?? '', isPassed ? 'passed' : test[1] === 'SKIP' ? 'skipped' : 'failed')
  }
  return [...states].map(([name, state]) => ({ path: [name], state }))
}

/** `1/3 Test #1: name ......   Passed    0.01 sec`. */
const ctest: Parser = (lines) =>
  lines.flatMap((line) => {
    const test =
      /^ *\d+\/\d+ Test +#\d+: (.+?) \.*(?: +|\*\*\*)(Passed|Failed|Timeout|Exception|Skipped|Not Run|Disabled)\b/.exec(
        line,
      )
    if (test === null) return []
    const [, name = '', word = ''] = test
    const isOff = word === 'Skipped' || word === 'Disabled' || line.includes('(Disabled)')
    return [{ path: [name], state: word === 'Passed' ? 'passed' : isOff ? 'skipped' : 'failed' }]
  })

/** `test_x (tests.test_a.TestX.test_x) ... ok`; before Python 3.11 the bracket held the class alone. */
const unittest: Parser = (lines) => {
  const results: NamedResult[] = []
  let name: string | null = null
  for (const line of lines) {
    const head = /^(\w+) \(([\w.<>]+)\)(?=$|\n| \.\.\. )/.exec(line)
    if (head !== null) {
      const [, method = '', inside = ''] = head
      name = inside.endsWith(`.${method}`) ? inside : `${inside}.${method}`
    }
    // What a test prints may stand between its name and its end.
    const end = /(?:^|\.\.\. )(ok|FAIL|ERROR|skipped .*|expected failure|unexpected success)$/.exec(line)
    if (end === null || name === null) continue
    const word = end[1] ?? ''
    const isPassed = word === 'ok'
    const isFailed = word === 'FAIL' || word === 'ERROR' || word === 'unexpected success'
    results.push({ path: [name], state: isPassed ? 'passed' : isFailed ? 'failed' : 'skipped' })
    name = null
  }
  return results
}

/** `  ✔ file › title (1.2s)`. The lines end with one that counts. */
const ava: Parser = (lines) => {
  if (!lines.some((line) => /^ {2}(?:\d+ tests? (?:passed|failed)|No tests found)/.test(line))) return []
  return lines.flatMap((line) => {
    const test =
      /^ {2}(✔|✘ \[(?:fail|unexpected pass)\]:|- \[(?:skip|todo)\]|✔ \[expected fail\]) (.+?)(?: \([\d.]+m?s\))?$/.exec(
        line,
      )
    if (test === null) return []
    const mark = test[1] ?? ''
    const state = mark.startsWith('✔') ? 'passed' : mark.startsWith('✘') ? 'failed' : 'skipped'
    return [{ path: (test[2] ?? '').split(' › '), state }]
  })
}

/** `(pass) describe > test [0.12ms]` below `file.test.ts:`. */
const bun: Parser = (lines) => {
  if (!lines.some((line) => /^Ran \d+ tests? across \d+ files?/.test(line))) return []
  let file = ''
  return lines.flatMap((line) => {
    file = /^(\S+\.[cm]?[jt]sx?):$/.exec(line)?.[1] ?? file
    const test = /^(?:\((pass|fail|skip|todo)\)|(✓|✗|»|✎)) (.+?)(?: \[[\d.]+m?s\])?$/.exec(line)
    if (test === null) return []
    const mark = test[1] ?? test[2] ?? ''
    const isPassed = mark === 'pass' || mark === '✓'
    const isFailed = mark === 'fail' || mark === '✗'
    return [{ path: [file, test[3] ?? ''], state: isPassed ? 'passed' : isFailed ? 'failed' : 'skipped' }]
  })
}

/** `FooTest#test_x = 0.00 s = .`. */
const minitest: Parser = (lines) =>
  lines.flatMap((line) => {
    const test = /^([\w:]+#\S.*?) = [\d.]+ s = ([.FES])$/.exec(line)
    if (test === null) return []
    return [
      { path: [test[1] ?? ''], state: test[2] === '.' ? 'passed' : test[2] === 'S' ? 'skipped' : 'failed' },
    ]
  })
