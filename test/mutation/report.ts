// The table per file and the list of survivors, as Markdown.
import { squeezed } from './copy.ts'
import type { Mutant } from './copy.ts'
import type { Verdict } from './hunt.ts'
import { REASONS } from './reasons.ts'
import { PROJECTS, TARGETS } from './targets.ts'

const LEAST_SCORE = 0.9

export interface ReportInput {
  mutants: Mutant[]
  verdicts: Map<number, Verdict>
  /** All mutants were asked about: only then is a reason without its mutant stale. */
  whole: boolean
  minutes: number
  lanes: number
}

export function report({ mutants, verdicts, whole, minutes, lanes }: ReportInput): {
  text: string
  failed: boolean
} {
  const survivors = mutants.filter(({ id }) => !verdicts.has(id))
  const caught = mutants.length - survivors.length
  const used = new Set<string>()
  const lines: string[] = []
  let unexplained = 0
  for (const mutant of survivors) {
    const found = REASONS.flatMap(({ file, keys, reason }) =>
      keys
        .filter((key) => mutant.file.endsWith(file) && mutant.key.includes(key))
        .map((key) => ({ key: `${file} | ${key}`, reason })),
    )
    for (const { key } of found) used.add(key)
    if (found.length === 0) unexplained += 1
    lines.push(
      `- \`${mutant.file}:${mutant.line}\` ${mutant.operator}: \`${clip(mutant.before)}\` → \`${clip(mutant.after)}\`. ${found[0]?.reason ?? 'NO REASON'}`,
    )
  }
  const stale = !whole
    ? []
    : REASONS.flatMap(({ file, keys }) => keys.map((key) => `${file} | ${key}`)).filter(
        (key) => !used.has(key),
      )
  const score = mutants.length === 0 ? 1 : caught / mutants.length
  const text = [
    '| File | Mutants | ' + PROJECTS.map((project) => `By ${project}`).join(' | ') + ' | Survived | Score |',
    `| --- | ${'--- | '.repeat(PROJECTS.length + 3)}`.trim(),
    ...[...TARGETS, ''].map((file) => row(mutants, verdicts, file)),
    '',
    `${Math.round(minutes)} min on ${lanes} lanes.`,
    '',
    ...lines,
    ...stale.map((key) => `- reason without a mutant that lives: ${key}`),
    '',
  ].join('\n')
  return { text, failed: score < LEAST_SCORE || unexplained > 0 || stale.length > 0 }
}

function row(mutants: Mutant[], verdicts: Map<number, Verdict>, file: string): string {
  const own = mutants.filter((mutant) => file === '' || mutant.file === file)
  const by = PROJECTS.map((project) => own.filter(({ id }) => verdicts.get(id)?.by === project).length)
  const caught = by.reduce((sum, count) => sum + count, 0)
  const score = own.length === 0 ? '' : `${((100 * caught) / own.length).toFixed(1)} %`
  return `| ${file === '' ? 'all' : file} | ${[own.length, ...by, own.length - caught].join(' | ')} | ${score} |`
}

const clip = (text: string): string => {
  const line = squeezed(text)
  return line.length > 90 ? `${line.slice(0, 87)}…` : line
}
