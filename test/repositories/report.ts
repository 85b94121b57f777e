// The table and the two rates.
import { describeEnd } from '../exercises/plans.ts'
import type { CheckResult } from '../../src/shared/protocol.ts'
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
  const rate = right.length === 0 ? 0 : rightVerified.length / right.length
  const names = (some: Result[]) => some.map(({ job }) => job.case.repository).join(', ')
  const text = [
    '',
    `right works verified: ${rightVerified.length} of ${right.length} (${(rate * 100).toFixed(1)} %; at least 95 % wanted)`,
    `  not verified: ${names(right.filter(({ verified }) => !verified)) || 'none'}`,
    `mutants verified: ${wrongVerified.length} of ${wrong.length} (0 wanted)${wrongVerified.length > 0 ? `: ${names(wrongVerified)}` : ''}`,
  ].join('\n')
  return { text, passed: rate >= LEAST_RIGHT_VERIFIED && wrongVerified.length === 0 }
}

const describeCheck = ({ command, state, exitCode, base }: CheckResult): string =>
  `${command.length > 60 ? `${command.slice(0, 59)}…` : command}: ${state ?? exitCode} (base ${base?.state ?? 'not run'})`
