// The two rates, and where they come from.
import type { Drops } from './candidates.ts'
import type { Result } from './lab.ts'

const LEAST_RIGHT_VERIFIED = 0.95

export interface Report {
  text: string
  passed: boolean
}

export function toReport(results: Result[], drops: Drops): Report {
  const right = results.filter(({ candidate }) => candidate.group === 'right')
  const others = results.filter(({ candidate }) => candidate.group !== 'right')
  const allWrong = others.filter(({ isRight }) => !isRight)
  const wrong = allWrong.filter(({ candidate }) => candidate.isForReaders !== true)
  const readers = allWrong.filter(({ candidate }) => candidate.isForReaders === true)
  const rightVerified = right.filter(({ verified }) => verified)
  const wrongVerified = allWrong.filter(({ verified }) => verified)
  const rate = right.length === 0 ? 0 : rightVerified.length / right.length
  const passed = rate >= LEAST_RIGHT_VERIFIED && wrongVerified.length === 0
  const lines = [
    '',
    ...table('kind', results, ({ candidate }) => candidate.exercise.kind),
    '',
    ...table('how the check is found', results, ({ candidate }) => candidate.exercise.source),
    '',
    ...table('attack', others, ({ candidate }) => candidate.group),
    '',
    ...right.filter(({ verified }) => !verified).map((one) => `right, not verified: ${describe(one)}`),
    ...wrongVerified.map((one) => `WRONG, VERIFIED: ${describe(one)}`),
    ...others
      .filter(({ isRight }) => isRight)
      .map((one) => `not counted, turned out right: ${describe(one)}`),
    `not run: ${drops.equivalent} mutants that the reference found right, ${drops.hanging} that did not end`,
    `right solutions verified: ${rightVerified.length} of ${right.length} (${(rate * 100).toFixed(1)} %; at least 95 % wanted)`,
    `wrong solutions verified: ${wrong.filter(({ verified }) => verified).length} of ${wrong.length} (0 wanted)`,
    `wrong solutions that only a reader can see, with a judge who says no, verified: ${readers.filter(({ verified }) => verified).length} of ${readers.length} (0 wanted)`,
  ]
  return { text: lines.join('\n'), passed }
}

export function describe({ candidate, end, verified, isRight, seconds }: Result): string {
  const how =
    end === 'none'
      ? 'did not end'
      : end.kind === 'completed'
        ? `${end.outcome}${end.reasons.length > 0 ? ` (${end.reasons.join(', ')})` : ''}, proof ${end.proof}`
        : end.kind === 'paused'
          ? `paused: ${end.reason}: ${end.detail}`
          : end.kind
  return `${candidate.exercise.name} · ${candidate.group} · ${candidate.name}: ${how}; ${verified ? 'verified' : 'not verified'}, ${isRight ? 'right' : 'wrong'}, ${seconds} s`
}

function table(title: string, results: Result[], keyOf: (result: Result) => string): string[] {
  const rows = Object.entries(Object.groupBy(results, keyOf)).map(([key, all = []]) => {
    const right = all.filter(({ candidate }) => candidate.group === 'right')
    const wrong = all.filter(({ candidate, isRight }) => candidate.group !== 'right' && !isRight)
    const count = (some: Result[]) => `${some.filter(({ verified }) => verified).length}/${some.length}`
    return `${key.padEnd(26)}${right.length === 0 ? '–'.padStart(14) : count(right).padStart(14)}${count(wrong).padStart(16)}`
  })
  return [`${title.padEnd(26)}right verified  wrong verified`, ...rows]
}
