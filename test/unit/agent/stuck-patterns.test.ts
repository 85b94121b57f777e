// When work goes round in circles, by tables of turns; and how one turn becomes what the stuck detector looks at.
import { describe, expect, it } from 'vitest'
import { watchedCalls } from '../../../agent/loop/turn-marks.ts'
import { createStuckDetector } from '../../../agent/loop/stuck-patterns.ts'
import type { WatchedCall } from '../../../agent/loop/stuck-patterns.ts'

const call = (asked: string, extra: Partial<WatchedCall> = {}): WatchedCall => ({
  name: 'bash',
  asked,
  answer: 'same',
  failed: false,
  changed: null,
  passedCheck: false,
  ...extra,
})

/** What the detector says to these turns of one call each; the checkout changes each time unless told otherwise. */
function play(calls: WatchedCall[], state: (turn: number) => string = String): string[] {
  const detector = createStuckDetector()
  return calls.map((one, turn) => {
    const { kind, pattern } = detector.afterTurn({ calls: [one], state: state(turn) })
    return kind === 'go' ? '' : `${kind} ${pattern}`
  })
}
const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n))
const quiet = (count: number) => times(count, () => '')

describe('the stuck detector', () => {
  it('nudge at the fourth equal call with an equal result, and end the conversation at the eighth', () => {
    expect(play(times(8, () => call('a')))).toEqual([
      ...quiet(3),
      'nudge same_call_same_result',
      ...quiet(3),
      'stuck same_call_same_result',
    ])
  })

  it('let a call be repeated while its result changes', () => {
    expect(new Set(play(times(20, (n) => call('a', { answer: String(n) }))))).toEqual(new Set(['']))
  })

  it('nudge at the third failure of one call, whatever it said', () => {
    const failing = times(6, (n) => call('a', { failed: true, answer: String(n) }))
    expect(play(failing)).toEqual(['', '', 'nudge same_call_fails', '', '', 'stuck same_call_fails'])
  })

  it('forget failures between which something else was done', () => {
    const calls = times(12, (n) => (n % 2 === 0 ? call('test', { failed: true }) : call(`edit ${n}`)))
    expect(new Set(play(calls))).toEqual(new Set(['']))
  })

  it('nudge when two calls take turns six times with the same results', () => {
    expect(play(times(6, (n) => call(n % 2 === 0 ? 'a' : 'b')))).toEqual([
      ...quiet(5),
      'nudge two_calls_in_turn',
    ])
    expect(new Set(play(times(12, (n) => call(n % 2 === 0 ? 'a' : 'b', { answer: String(n) }))))).toEqual(
      new Set(['']),
    )
  })

  it('nudge at the ninth edit of one file without a check that passed', () => {
    const edit = (n: number) => call(`edit ${n}`, { changed: 'a.ts' })
    expect(play(times(9, edit)).at(-1)).toBe('nudge one_file_over_and_over')
    const checked = times(20, (n) => (n % 6 === 5 ? call(`test ${n}`, { passedCheck: true }) : edit(n)))
    expect(new Set(play(checked))).toEqual(new Set(['']))
  })

  it('nudge after fifteen turns that changed nothing, counted anew from each change', () => {
    const looking = times(40, (n) => call(`look ${n}`))
    expect(play(looking, () => 'same').indexOf('nudge nothing_changes')).toBe(15)
    expect(play(looking, () => 'same').indexOf('stuck nothing_changes')).toBe(30)
    expect(new Set(play(looking, (n) => String(Math.floor(n / 15))))).toEqual(new Set(['']))
  })

  it('count each pattern by itself: one nudge for each', () => {
    const said = play([
      ...times(4, () => call('a')),
      ...times(3, () => call('b', { failed: true })),
      ...times(4, () => call('a')),
    ])
    expect(said.filter((one) => one !== '')).toEqual([
      'nudge same_call_same_result',
      'nudge same_call_fails',
      'stuck same_call_same_result',
    ])
  })
})

describe('a turn', () => {
  const facts = (name: string, input: unknown, content: string, is_error = false) =>
    watchedCalls(
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name, input }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content, is_error }] },
    )[0]

  it('compares results without the time they took and the number of their log', () => {
    const [a, b] = ['exit code 0, 1.2 s\nx in /h/out/00012.log', 'exit code 0, 0.3 s\nx in /h/out/00031.log']
    expect(facts('bash', { command: 'x' }, a)?.answer).toBe(facts('bash', { command: 'x' }, b)?.answer)
  })

  it.each([
    ['npm test', 'exit code 0, 1 s', { failed: false, passedCheck: true }],
    ['npm test', 'exit code 1, 1 s', { failed: true, passedCheck: false }],
    ['cd x && make check', 'exit code 0, 1 s', { passedCheck: true }],
    ['ls -la; git status', 'exit code 0, 1 s', { passedCheck: false }],
    ['make', 'timed out and was killed; exit code 124, 120 s', { failed: true }],
  ])('%s answered by %s', (command, content, expected) => {
    expect(facts('bash', { command }, content)).toMatchObject(expected)
  })

  it('knows which file an edit changed, and that a failed one changed none', () => {
    expect(facts('edit', { path: 'a.ts' }, 'Replaced it')).toMatchObject({ changed: 'a.ts' })
    expect(facts('edit', { path: 'a.ts' }, 'not found', true)).toMatchObject({ changed: null, failed: true })
    expect(facts('read', { path: 'a.ts' }, '1\tx')).toMatchObject({ changed: null, failed: false })
  })
})
