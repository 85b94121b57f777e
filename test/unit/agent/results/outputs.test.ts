// Outputs of runners that name their tests, as recorded: each block says which version printed it.
import { describe, expect, it } from 'vitest'
import { readGoJson, renderGoJson } from '../../../../agent/results/go-json.ts'
import { parseTap } from '../../../../agent/results/parse-tap.ts'
import { parseText } from '../../../../agent/results/parse-text.ts'

const shown = (results: readonly { path: string[]; state: string }[] | null) =>
  results?.map(({ path, state }) => `${state}: ${path.join(' > ')}`) ?? null

describe('TAP', () => {
  it('of bats 1.8.2, twice in one output', () => {
    const run = `1..4
ok 1 adds
ok 2 skips # skip no tool
not ok 3 fails
# (in test file x.bats, line 3)
#   \`@test "fails" { echo hi; false; }' failed
ok 4 plain skip # skip
`
    const tests = ['passed: adds', 'skipped: skips', 'failed: fails', 'skipped: plain skip']
    expect(shown(parseTap(run + run))).toEqual([...tests, ...tests])
  })

  it('of tape 5, whose comments name the tests', () => {
    const output = `TAP version 13
# adds
ok 1 should be strictly equal
ok 2 two is two
# inner
not ok 3 boom
  ---
    operator: fail
    stack: |-
      Error: boom
ok 9 is part of a stack
  ...
# odd
ok 4 not now # SKIP

1..4
# tests 4
# pass  3
# fail  1
`
    expect(shown(parseTap(output))).toEqual([
      'passed: adds > should be strictly equal',
      'passed: adds > two is two',
      'failed: inner > boom',
      'skipped: odd > not now',
    ])
  })

  it('of node:test 20.20, with subtests', () => {
    const output = `TAP version 13
# Subtest: outer
    # Subtest: one
    ok 1 - one
      ---
      duration_ms: 1.0
      ...
    # Subtest: inner
        # Subtest: deep \\# hash
        not ok 1 - deep \\# hash
          ---
          error: '1 == 2'
          ...
        1..1
    not ok 2 - inner
      ---
      type: 'suite'
      ...
    1..2
not ok 1 - outer
  ---
  type: 'suite'
  ...
# Subtest: later
ok 2 - later # TODO
  ---
  duration_ms: 0.1
  ...
1..2
# tests 3
# pass 1
`
    expect(shown(parseTap(output))).toEqual([
      'passed: outer > one',
      'failed: outer > inner > deep # hash',
      'skipped: later',
    ])
  })

  it('of perl and tap, with subtests whose comment is indented or whose tests are in braces', () => {
    const output = `    # Subtest: old
    ok 1 - one
    1..1
ok 1 - old
ok 2 - braces # time=5.25ms {
    not ok 1 - two # time=1ms
      ---
      at: x
      ...
    1..1
}
ok 3 - plain # time=12ms
1..3
`
    expect(shown(parseTap(output))).toEqual(['passed: old > one', 'failed: braces > two', 'passed: plain'])
  })

  // Regression: indented output of a test counted as a test, and a line of three dashes hid the tests below it.
  it('takes what a test prints for no test and no block', () => {
    const output = `1..2
    ok, 3 files
    ok 7 - printed
  ---
ok 1 a
  ---
  message: |
    ok 8 is part of a block
  ...
ok 2 b
`
    expect(shown(parseTap(output))).toEqual(['passed: a', 'passed: b'])
  })

  it.each([
    ['no plan', 'ok 1 a\nok 2 b\n'],
    ['a plan that is not met', '1..3\nok 1 a\nok 2 b\n'],
    ['no test', '1..0\n'],
    ['other text', 'ok, then\nnot okay\n'],
  ])('with %s names nothing', (_, output) => {
    expect(parseTap(output)).toBeNull()
  })

  it('after an empty document goes on', () => {
    expect(shown(parseTap('1..0 # skipped\n1..1\nok 1 a\n'))).toEqual(['passed: a'])
  })
})

describe('text', () => {
  const others = (output: string) => shown(parseText(output).others)

  it('of cargo 1.7x', () => {
    expect(
      others(`     Running unittests src/lib.rs (target/debug/deps/x-0a1b)

running 3 tests
test tests::adds ... ok
test tests::panics - should panic ... ok
test tests::slow ... ignored, too slow

     Running tests/cli.rs (target/debug/deps/cli-99)
test adds ... FAILED
   Doc-tests x
test src/lib.rs - add (line 3) ... ok
test result: ok. 1 passed; 0 failed`),
    ).toEqual([
      'passed: unittests src/lib.rs > tests::adds',
      'passed: unittests src/lib.rs > tests::panics',
      'skipped: unittests src/lib.rs > tests::slow',
      'failed: tests/cli.rs > adds',
      'passed: Doc-tests x > src/lib.rs - add (line 3)',
    ])
  })

  it('of ctest 3.25', () => {
    expect(
      others(`    Start 1: adds
1/4 Test #1: adds .............................   Passed    0.01 sec
2/4 Test #2: breaks ...........................***Failed    0.01 sec
3/4 Test #3: off ..............................***Not Run (Disabled)   0.00 sec
4/4 Test #4: skips ............................***Skipped   0.01 sec`),
    ).toEqual(['passed: adds', 'failed: breaks', 'skipped: off', 'skipped: skips'])
  })

  it('of ava 6, in several files', () => {
    const lines = `  - [skip] a › sk
  ✔ a › passes (1.2s)
  ✘ [fail]: b › fails
    ℹ x
  ─
  1 test failed`
    expect(others(lines)).toEqual(['skipped: a > sk', 'passed: a > passes', 'failed: b > fails'])
    expect(others('  ✔ installed\n')).toEqual([])
  })

  it('of minitest -v', () => {
    expect(
      others('FooTest#test_x = 0.00 s = .\nFooTest#test_y = 0.01 s = F\nFooTest#test_z = 0.01 s = S'),
    ).toEqual(['passed: FooTest#test_x', 'failed: FooTest#test_y', 'skipped: FooTest#test_z'])
  })

  it('of unittest -v in Python 3.11 and 3.9, with documentation and noise', () => {
    const lines = `test_bad (test_u.A.test_bad) ... FAIL
test_ok (test_u.A.test_ok)
has a doc ... noise
ok
test_old (test_u.A) ... ok
test_skip (test_u.A.test_skip) ... skipped 'x'
test_xf (test_u.A.test_xf) ... expected failure
test_up (test_u.A.test_up) ... unexpected success`
    expect(shown(parseText(lines).unittest)).toEqual([
      'failed: test_u.A.test_bad',
      'passed: test_u.A.test_ok',
      'passed: test_u.A.test_old',
      'skipped: test_u.A.test_skip',
      'skipped: test_u.A.test_xf',
      'failed: test_u.A.test_up',
    ])
  })
})

describe('go test -json of Go 1.19', () => {
  const event = (action: string, test?: string, output?: string, name = 'x/a') =>
    JSON.stringify({ Time: 'T', Action: action, Package: name, Test: test, Output: output })
  const output = [
    '# x/broken',
    'b_test.go:3: undefined: nope',
    event('run', 'TestGood'),
    event('output', 'TestGood', '=== RUN   TestGood\n'),
    event('output', 'TestGood', 'printed\n'),
    event('output', 'TestGood', '    a_test.go:4: logged\n'),
    event('output', 'TestGood', '--- PASS: TestGood (0.00s)\n'),
    event('pass', 'TestGood'),
    event('run', 'TestBad'),
    event('run', 'TestBad/a/b'),
    event('output', 'TestBad/a/b', '    a_test.go:5: boom\n'),
    event('output', 'TestBad', '--- FAIL: TestBad (0.00s)\n'),
    event('output', 'TestBad/a/b', '    --- FAIL: TestBad/a/b (0.00s)\n'),
    event('fail', 'TestBad/a/b'),
    event('fail', 'TestBad'),
    event('run', 'TestSkip'),
    event('output', 'TestSkip', '--- SKIP: TestSkip (0.00s)\n'),
    event('skip', 'TestSkip'),
    event('output', undefined, 'FAIL\n'),
    event('output', undefined, 'FAIL\tx/a\t0.03s\n'),
    event('fail'),
    event('run', 'TestQuiet', undefined, 'x/b'),
    event('output', 'TestQuiet', 'half a line--- PASS: TestQuiet\n', 'x/b'),
    event('output', undefined, 'PASS\n', 'x/b'),
    event('output', undefined, 'ok  \tx/b\t0.03s\n', 'x/b'),
    event('pass', undefined, undefined, 'x/b'),
    event('run', 'TestDies', undefined, 'x/c'),
    event('output', 'TestDies', 'last words\n', 'x/c'),
    event('output', undefined, 'FAIL\tx/c\t0.03s\n', 'x/c'),
    event('fail', undefined, undefined, 'x/c'),
  ].join('\n')

  it('names tests and subtests by package', () => {
    expect(shown(readGoJson(output))).toEqual([
      'passed: x/a > TestGood',
      'failed: x/a > TestBad',
      'failed: x/a > TestBad/a/b',
      'skipped: x/a > TestSkip',
      'passed: x/b > TestQuiet',
      'failed: x/c > TestDies',
    ])
  })

  it('is shown without what passed tests print, unless all was asked for', () => {
    expect(renderGoJson(output, false).split('\n')).toEqual([
      '# x/broken',
      'b_test.go:3: undefined: nope',
      '    a_test.go:5: boom',
      '--- FAIL: TestBad (0.00s)',
      '    --- FAIL: TestBad/a/b (0.00s)',
      'FAIL',
      'FAIL\tx/a\t0.03s',
      'ok  \tx/b\t0.03s',
      'last words',
      'FAIL\tx/c\t0.03s',
    ])
    expect(renderGoJson(output, true)).toContain('    a_test.go:4: logged\n--- PASS: TestGood (0.00s)')
  })
})
