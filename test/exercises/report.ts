// The two rates, and where they come from.
import type { Drops } from './candidates.ts'
import type { KindResult } from './kinds/run-kinds.ts'
import type { Result } from './lab.ts'
import { describeEnd } from './plans.ts'

const LEAST_RIGHT_VERIFIED = 0.95

export interface Report {
  text: string
  passed: boolean
}

export function toReport(results: Result[], drops: Drops, kinds: readonly KindResult[]): Report {
  const right = results.filter(({ candidate }) => candidate.group === 'right')
  const others = results.filter(({ candidate }) => candidate.group !== 'right')
  const allWrong = others.filter(({ isRight }) => !isRight)
  const wrong = allWrong.filter(({ candidate }) => candidate.isForReaders !== true)
  const readers = allWrong.filter(({ candidate }) => candidate.isForReaders === true)
  const wrongVerified = allWrong.filter(({ verified }) => verified)
  // A case that names what must be missing is not one of the right works that end verified.
  const rightKinds = kinds.filter(({ kind }) => kind.ends === 'verified')
  const wrongKinds = kinds.filter(({ kind }) => !kind.isRight)
  const counts = {
    right: [...right, ...rightKinds],
    wrong: [...wrong, ...wrongKinds.filter(({ kind }) => !kind.isForReaders)],
    readers: [...readers, ...wrongKinds.filter(({ kind }) => kind.isForReaders)],
  }
  const rate = counts.right.filter(({ verified }) => verified).length / Math.max(1, counts.right.length)
  const passed =
    rate >= LEAST_RIGHT_VERIFIED &&
    wrongVerified.length === 0 &&
    kinds.every(({ asExpected, kind }) => asExpected || kind.ends === 'verified')
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
    `cases that did not end as they say: ${kinds.filter(({ asExpected }) => !asExpected).length} of ${kinds.length}`,
    `right work verified: ${verifiedOf(counts.right)} (at least 95 % wanted)`,
    `wrong work verified: ${verifiedOf(counts.wrong)} (0 wanted)`,
    `wrong work that only a reader can see, with a judge who says no, verified: ${verifiedOf(counts.readers)} (0 wanted)`,
  ]
  return { text: lines.join('\n'), passed }
}

/** How many of them, with Wilson's interval of 95 %. */
function verifiedOf(all: readonly { verified: boolean }[]): string {
  const [n, found] = [all.length, all.filter(({ verified }) => verified).length]
  if (n === 0) return 'none were run'
  const [z, p] = [1.96, found / n]
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  const percent = (rate: number) => (100 * Math.min(1, Math.max(0, rate))).toFixed(1)
  return `${found} of ${n}, ${percent(p)} % [${percent(middle - half)}; ${percent(middle + half)}]`
}

export const describeKind = ({ kind, ended, asExpected, seconds }: KindResult): string =>
  `${asExpected ? '' : 'NOT AS IT SAYS: '}${kind.row} · ${kind.language} · ${kind.name}: ${ended}, ${kind.isRight ? 'right' : 'wrong'}, ${seconds} s`

export function describe({ candidate, end, verified, isRight, seconds }: Result): string {
  return `${candidate.exercise.name} · ${candidate.group} · ${candidate.name}: ${describeEnd(end)}; ${verified ? 'verified' : 'not verified'}, ${isRight ? 'right' : 'wrong'}, ${seconds} s`
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
