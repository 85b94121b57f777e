// The text form of a plan's status, for clients that show a model only text: readable Markdown that says everything the structured
// form says. Words of others are quoted or stand on one line, so that they cannot open a section of their own.
import type { PlanShape, toEvent } from './shapes.ts'

type EventShape = ReturnType<typeof toEvent>
type Check = PlanShape['checks'][number]
type Tests = NonNullable<PlanShape['tests']>

const LISTS = [
  ['newly_failing', 'Newly failing'],
  ['missing', 'Missing: they passed at the base, and did not run or were skipped'],
  ['newly_passing', 'Newly passing'],
] as const

/** Returns the sections of a plan without its first line, which says the status. */
export function planText(plan: PlanShape, events: EventShape[], cursor: number): string {
  const sections = [
    facts(plan),
    quoted('Error', plan.error),
    quoted('Question', plan.question),
    quoted("Summary, in the agent's words", plan.summary),
    listed('Look first', plan.look_first.map(placeLine)),
    plan.tests === undefined ? '' : testsText(plan.tests),
    listed('Checks', plan.checks.map(checkLine)),
    listed(
      'Commits',
      plan.commits.map(({ sha, subject }) => `${sha} ${subject}`),
    ),
    events.length === 0
      ? `No events (cursor ${cursor}).`
      : listed(`Events (cursor ${cursor})`, events.map(eventLine)),
  ]
  return sections.filter((section) => section !== '').join('\n\n')
}

function facts(plan: PlanShape): string {
  const { tokens, diff } = plan
  const heads = [
    plan.pushed_head === undefined ? '' : `, pushed head ${plan.pushed_head}`,
    plan.head === undefined || plan.head === plan.pushed_head ? '' : `, head on the VM ${plan.head}`,
  ].join('')
  const times = [
    `created ${plan.created_at}`,
    plan.started_at === undefined ? '' : `started ${plan.started_at}`,
    plan.last_activity_at === undefined ? '' : `last activity ${plan.last_activity_at}`,
    plan.finished_at === undefined ? '' : `finished ${plan.finished_at}`,
  ]
  return bullets([
    `Title: ${plan.title}`,
    `Workspace ${plan.workspace}, base ${plan.base}, attempt ${plan.attempt}, ${plan.plan_chars} characters of plan${heads}.`,
    ...(plan.outcome === undefined ? [] : [outcomeLine(plan)]),
    ...(plan.paused_reason === undefined ? [] : [`Paused: ${plan.paused_reason}.`]),
    ...(plan.status_detail === undefined ? [] : [`Detail: ${plan.status_detail}`]),
    ...(plan.pr_url === undefined ? [] : [`Pull request: ${plan.pr_url}`]),
    `Diff: ${diff.files} files, +${diff.additions} -${diff.deletions}.`,
    `Model ${plan.model}; tokens: ${tokens.input} input, ${tokens.output} output, ${tokens.cache_read} cache read, ${tokens.cache_write} cache write.`,
    `Times: ${times.filter((time) => time !== '').join(', ')}.`,
  ])
}

function outcomeLine({ outcome, outcome_reasons: reasons, proof }: PlanShape): string {
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`
  return `Outcome: ${outcome}${why}${proof === undefined ? '' : `, proof ${proof}`}.`
}

function placeLine({ path, line, why }: PlanShape['look_first'][number]): string {
  return `${path}${line === undefined ? '' : `:${line}`}: ${why}`
}

function checkLine(check: Check): string {
  const base = check.base === null ? '' : `; at the base ${ended(check.base)}`
  const marks = `${check.new_failure ? '; new failure' : ''}${check.flaky ? '; flaky' : ''}`
  return `${ended(check)} in ${check.seconds} s${base}${marks}: ${check.command}`
}

const ended = ({ state, exit_code: code }: Pick<Check, 'state' | 'exit_code'>): string =>
  `${state} (exit ${code})`

function testsText(tests: Tests): string {
  const left = tests.left_out
  const parts = LISTS.map(([list, title]) => part(title, tests[list], left?.[list] ?? 0))
  const changed = tests.changed.map(({ path, why }) => `${path}: ${why}`)
  return [
    `## Tests\n${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped.`,
    ...parts,
    part("Changed, and counted in the work's version", changed, left?.changed ?? 0),
  ]
    .filter((text) => text !== '')
    .join('\n\n')
}

function part(title: string, names: string[], leftOut: number): string {
  if (names.length + leftOut === 0) return ''
  const more = leftOut === 0 ? [] : [`and ${leftOut} more, left out here`]
  return `${title} (${names.length + leftOut}):\n${bullets([...names, ...more])}`
}

function eventLine({ seq, at, type, text, data }: EventShape): string {
  return `${seq} ${at} ${type}: ${text}${data === undefined ? '' : ` ${JSON.stringify(data)}`}`
}

const bullets = (lines: string[]): string => lines.map((line) => `- ${line}`).join('\n')

const listed = (title: string, lines: string[]): string =>
  lines.length === 0 ? '' : `## ${title}\n${bullets(lines)}`

const quoted = (title: string, text: string | undefined): string =>
  text === undefined ? '' : `## ${title}\n${text.replaceAll(/^/gm, '> ')}`
