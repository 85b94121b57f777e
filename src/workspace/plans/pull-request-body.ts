// Pure: writes the body of a plan's pull request: the summary, the checks before and after, and where to look first. Commands, paths
// and reasons come from the VM, so they stand in code spans, where the host sends no notification and makes no link.
import { cleanLine } from '../../lib/text.ts'
import { wholeCheck } from '../../shared/protocol.ts'
import type { CheckState } from '../../shared/words.ts'
import type { PlanRecord } from '../records/records.ts'

const MAX_CHECKS = 3
const MAX_PLACES = 3
const MAX_CHARS = 150

export function pullRequestBody(plan: PlanRecord): string {
  return [plan.summary ?? '', evidence(plan), places(plan), `Ralph-Plan: ${plan.id}`]
    .filter((part, at) => at === 0 || part !== '')
    .join('\n\n')
}

/** A table of the checks, red ones first. */
function evidence({ checks }: PlanRecord): string {
  if (checks.length === 0) return ''
  const whole = checks.map(wholeCheck)
  const red = whole.filter(({ state }) => state !== 'passed')
  const shown = [...red, ...whole.filter(({ state }) => state === 'passed')].slice(0, MAX_CHECKS)
  const left = whole.length - shown.length
  const rows = shown.map(
    ({ command, base, state, flaky }) =>
      `| ${code(command).replaceAll('|', '\\|')} | ${word(base?.state)} | ${word(state)}${flaky ? ', flaky' : ''} |`,
  )
  return [
    `| Check${left === 0 ? '' : ` (${left} more in the plan)`} | Base | Now |`,
    '| --- | --- | --- |',
    ...rows,
  ].join('\n')
}

const word = (state: CheckState | undefined): string => (state ?? 'not run').replaceAll('_', ' ')

function places({ lookFirst }: PlanRecord): string {
  if (lookFirst.length === 0) return ''
  const lines = lookFirst
    .slice(0, MAX_PLACES)
    .map(({ path, line, why }) => `- ${code(line === undefined ? path : `${path}:${line}`)} ${code(why)}`)
  return `Look first:\n${lines.join('\n')}`
}

/** Makes a code span that nothing in the text can end. */
const code = (text: string): string => `\`${cleanLine(text, MAX_CHARS).replaceAll('`', "'") || ' '}\``
