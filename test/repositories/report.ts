// The table and the two rates.
import { describeEnd } from '../exercises/plans.ts'
import type { AttemptEnd, CheckResult } from '../../src/shared/protocol.ts'
import type { Result } from './lab.ts'

const LEAST_RIGHT_VERIFIED = 0.95
/** What tells why a plan was not verified. */
const TELLING = new Set(['error', 'rejected', 'judge', 'notice', 'held', 'question'])

export interface Report {
  text: string
  passed: boolean
}

/** One row of the table, and below it what went wrong with right work. */
export function describe({ job, plan, end, verified, seconds, proofSeconds }: Result): string {
  const { repository, commit } = job.case
  const work = end === 'none' ? null : end.work
  const setup = plan.events.findLast(({ type, text }) => type === 'setup' || text.startsWith('Set-up'))
  const row = [
    repository,
    commit.slice(0, 10),
    job.kind,
    setup?.text ?? 'no set-up',
    work === null || work.checks.length === 0 ? 'no checks' : work.checks.map(describeCheck).join('; '),
    `${seconds} s`,
    `proof ${proofSeconds === null ? 'none' : `${proofSeconds} s`}`,
    describeEnd(end),
  ].join(' | ')
  if (verified || job.kind === 'wrong') return row
  const told = plan.events.filter(({ type }) => TELLING.has(type))
  return [row, ...told.map(({ type, text }) => `    ${type}: ${text.replaceAll('\n', '\n      ')}`)].join(
    '\n',
  )
}

export function toReport(results: Result[]): Report {
  const right = results.filter(({ job }) => job.kind === 'right')
  const wrong = results.filter(({ job }) => job.kind === 'wrong')
  const rightVerified = right.filter(({ verified }) => verified)
  const wrongVerified = wrong.filter(({ verified }) => verified)
  // What fails at the base in the same place is said, and is not the work's fault.
  const redBefore = right.filter(({ end }) => end !== 'none' && isRedBefore(end))
  const counted = right.length - redBefore.length
  const rate = counted === 0 ? 0 : rightVerified.length / counted
  const names = (some: Result[]) => some.map(({ job }) => job.case.repository).join(', ')
  const text = [
    '',
    `right works whose base is red, and that say so: ${names(redBefore) || 'none'}`,
    `other right works verified: ${rightVerified.length} of ${counted} (${(rate * 100).toFixed(1)} %; at least 95 % wanted)`,
    `  not verified: ${names(right.filter((one) => !one.verified && !redBefore.includes(one))) || 'none'}`,
    `mutants verified: ${wrongVerified.length} of ${wrong.length} (0 wanted)${wrongVerified.length > 0 ? `: ${names(wrongVerified)}` : ''}`,
  ].join('\n')
  return { text, passed: rate >= LEAST_RIGHT_VERIFIED && wrongVerified.length === 0 }
}

const isRedBefore = (end: AttemptEnd): boolean =>
  end.kind === 'completed' &&
  end.reasons.length > 0 &&
  end.reasons.every((reason) => reason === 'baseline_red' || reason === 'setup_failed')

const describeCheck = ({ command, state, exitCode, base }: CheckResult): string =>
  `${command.length > 60 ? `${command.slice(0, 59)}…` : command}: ${state ?? exitCode} (base ${base?.state ?? 'not run'})`
