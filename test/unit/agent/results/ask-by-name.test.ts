// How a check is asked: with which environment and files, and what is made of reports that the code under test may have written.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { askByName } from '../../../../agent/results/ask-by-name.ts'

let reportFolder: string
beforeEach(() => {
  reportFolder = mkdtempSync(join(tmpdir(), 'report of a check-'))
})
afterEach(() => rmSync(reportFolder, { recursive: true, force: true }))

const ask = (env: Record<string, string> = {}, command = 'npm test') =>
  askByName({ command }, { reportFolder, checkout: '/check/out', env })
const put = (name: string, text: string) => writeFileSync(join(reportFolder, name), text)
const line = (state: string, ...names: string[]) => `${JSON.stringify(['node', state, names])}\n`

/** Puts a report that is a link to a good one. */
function linkTo(text: string): void {
  put('good', text)
  symlinkSync(join(reportFolder, 'good'), join(reportFolder, '1-1.jsonl'))
}

describe('asking', () => {
  it('keeps the command and what the variables held before', () => {
    const { command, env } = ask({
      NODE_OPTIONS: '--no-warnings',
      PYTHONPATH: 'src',
      PYTEST_ADDOPTS: '-x',
      OTHER: '1',
    })
    expect(command).toBe('npm test')
    expect(env).toEqual({
      NODE_OPTIONS: `--no-warnings --require="${reportFolder}/ask/listen.cjs"`,
      PYTHONPATH: `${reportFolder}/ask:src`,
      PYTEST_ADDOPTS: `-x --junitxml='${reportFolder}/pytest.xml' -o junit_family=xunit1`,
    })
  })

  it('leaves the check as it is when the files that listen cannot be written', () => {
    mkdirSync(join(reportFolder, 'ask'))
    const telling = ask()
    expect(telling).toMatchObject({ command: 'npm test', env: {} })
    expect(telling.read('1..1\nok 1 a\n')?.get('a')).toBe('passed')
  })

  // Regression: 256 colours with colons, cursor codes and line ends of Windows stayed in the names.
  it('reads output without its colours and cursor codes', () => {
    const output =
      '\u001b[?25l\u001b[32m1..2\u001b[39m\r\n\u001b[38;5;196;1mok 1 a\u001b[0m\r\n\u001b[38:5:9m\u001b[2Kok 2 b\u001b[m\r\n\u001b[?25h'
    expect([...(ask().read(output)?.keys() ?? [])]).toEqual(['a', 'b'])
  })

  // Regression: the tests in the part of a long output that is not kept seemed to be missing.
  it('names no printed test when a part of the output was not kept, but those of reports', () => {
    const cut = '1..2\n[... 9 bytes not shown ...]\nok 1 a\nok 2 b\n'
    const telling = ask()
    expect(telling.read(cut)).toBeNull()
    put('1-1.jsonl', line('passed', 'c'))
    expect(telling.read('[... 9 bytes not shown ...]')?.get('c')).toBe('passed')
  })
})

describe('reports', () => {
  it('of several processes are put together in the order in which these began', () => {
    const telling = ask()
    put('20-1.jsonl', line('failed', '/check/out/a.js', 'one'))
    put('9-2.jsonl', line('passed', '/check/out/a.js', 'one'))
    put('other.txt', 'is no report')
    expect([...(telling.read('') ?? [])]).toEqual([
      ['a.js > one', 'passed'],
      ['a.js > one (2)', 'failed'],
    ])
  })

  it('of a run that a test started are left out', () => {
    const telling = ask()
    put('20-1.jsonl', line('passed', 'outer'))
    put('20-1+21-5.jsonl', line('failed', 'inner'))
    put('20-1+21-5+22-6.jsonl', line('failed', 'innermost'))
    put('30-2+31-3.jsonl', line('passed', 'below a script'))
    expect([...(telling.read('')?.keys() ?? [])]).toEqual(['outer', 'below a script'])
  })

  it.each([
    ['is no JSON', () => put('1-1.jsonl', 'nonsense\n')],
    ['has an unknown state', () => put('1-1.jsonl', line('great', 'a'))],
    ['ends in the middle', () => put('1-1.jsonl', `${line('passed', 'a')}["node","pas`)],
    ['is a link', () => linkTo(line('passed', 'a'))],
    ['is a folder', () => mkdirSync(join(reportFolder, '1-1.jsonl'))],
    [
      'is larger than 32 MB',
      () => (put('1-1.jsonl', ''), truncateSync(join(reportFolder, '1-1.jsonl'), 2 ** 25 + 1)),
    ],
    ['is a malformed JUnit report', () => put('pytest.xml', '<testsuite><testcase name="a"/>')],
    ['is a malformed report of vitest', () => put('1-1.json', '{"testResults":[{}]}')],
  ])('name no test when one %s', (_, spoil) => {
    const telling = ask()
    put('2-1.jsonl', line('passed', 'b'))
    spoil()
    expect(telling.read('')).toBeNull()
  })

  // Regression: the check's own code could end the proof with an exception.
  it.each([
    ['is removed', () => rmSync(reportFolder, { recursive: true })],
    ['becomes a file', () => (rmSync(reportFolder, { recursive: true }), writeFileSync(reportFolder, ''))],
  ])('name no test when their folder %s', (_, spoil) => {
    const telling = ask()
    spoil()
    expect(telling.read('1..1\nok 1 a\n')).toBeNull()
  })

  it('of pytest count only when pytest ran once', () => {
    const telling = ask({}, 'make test')
    put('pytest.xml', '<testsuite><testcase name="t" classname="test_a" file="test_a.py"/></testsuite>')
    expect(telling.read('=== 1 passed in 0.01s ===\n')?.get('test_a.py > t')).toBe('passed')
    expect(
      telling.read('1 passed in 0.01s\n====== 1 failed, 2 passed in 1.01s (0:00:01) ======\n'),
    ).toBeNull()
  })
})
