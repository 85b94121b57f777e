// What a run found: a page with a table per file, and for the terminal also who lives, by reason.
import { squeezed } from './copy.ts'
import type { Mutant } from './copy.ts'
import type { Verdict } from './hunt.ts'
import { explains, REASONS } from './reasons.ts'
import { PROJECTS, TARGETS } from './targets.ts'

const LEAST_SCORE = 0.9

export interface ReportInput {
  mutants: Mutant[]
  verdicts: Map<number, Verdict>
  /** All mutants met all tests: only then is a reason without its mutant stale. */
  whole: boolean
}

export function report({ mutants, verdicts, whole }: ReportInput): {
  page: string
  survivors: string
  failed: boolean
} {
  const survivors = mutants.filter(({ id }) => !verdicts.has(id))
  const explained = REASONS.map((one) => ({
    ...one,
    lives: survivors.filter((mutant) => explains(one, mutant)),
    stale: one.keys.filter((key) => !survivors.some((mutant) => mutant.key.includes(` | ${key}`))),
  }))
  const known = new Set(explained.flatMap(({ lives }) => lives))
  const unexplained = survivors.filter((mutant) => !known.has(mutant))
  const stale = whole ? explained.flatMap((one) => one.stale.map((key) => `${one.file} | ${key}`)) : []
  const score = mutants.length === 0 ? 1 : 1 - survivors.length / mutants.length
  const page = [
    '# What the tests would notice',
    '',
    'Written by `npm run mutation -- --write`. It puts one mistake at a time into the files that decide. Each mistake (mutant) meets the',
    'unit tests first, then the worker tests, then the simulator, until one of them fails. Survivors count against the score.',
    'A survivor is a test to write, code to remove, or a mistake that changes nothing. `test/mutation/reasons.ts` says which, and why;',
    'the command prints them, and fails below 90 % or where a reason is missing.',
    '',
    `| File | Mutants | ${PROJECTS.map((project) => `By ${project}`).join(' | ')} | Survived | Score |`,
    `| --- | ${'--- | '.repeat(PROJECTS.length + 3)}`.trim(),
    ...[...TARGETS, ''].map((file) => row(mutants, verdicts, file)),
    '',
  ].join('\n')
  const lines = [
    ...explained
      .filter(({ lives }) => lives.length > 0)
      .flatMap(({ reason, lives }) => [`- ${reason}`, ...lives.map((mutant) => `  - ${shown(mutant)}`)]),
    ...unexplained.flatMap((mutant) => [`- NO REASON: ${shown(mutant)}`, `  - key: ${mutant.key}`]),
    ...stale.map((key) => `- STALE, a reason whose mutant does not live: ${key}`),
  ]
  return {
    page,
    survivors: lines.join('\n'),
    failed: score < LEAST_SCORE || unexplained.length > 0 || stale.length > 0,
  }
}

function row(mutants: Mutant[], verdicts: Map<number, Verdict>, file: string): string {
  const own = mutants.filter((mutant) => file === '' || mutant.file === file)
  const by = PROJECTS.map((project) => own.filter(({ id }) => verdicts.get(id)?.by === project).length)
  const caught = by.reduce((sum, count) => sum + count, 0)
  const score = own.length === 0 ? '' : `${((100 * caught) / own.length).toFixed(1)} %`
  return `| ${file === '' ? 'all' : `\`${file}\``} | ${[own.length, ...by, own.length - caught].join(' | ')} | ${score} |`
}

const shown = ({ file, line, operator, before, after }: Mutant): string =>
  `\`${file}:${line}\` ${operator}: ${code(before)} → ${after === '' ? 'nothing' : code(after)}`

function code(text: string): string {
  const line = squeezed(text)
  const short = line.length > 90 ? `${line.slice(0, 87)}…` : line
  return short.includes('`') ? `\`\` ${short} \`\`` : `\`${short}\``
}
