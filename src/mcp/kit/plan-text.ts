// The text form of a plan's status, for clients that show a model only text: readable Markdown that says everything the structured
// form says. Words of others are quoted or stand on one line, so that they cannot open a section of their own.
import { counted } from '../../lib/text.ts'
import type { PlanShape, toEvent } from './shapes.ts'

type EventShape = ReturnType<typeof toEvent>
type Check = PlanShape['checks'][number]
type Tests = NonNullable<PlanShape['tests']>

const LISTS = [
  ['newly_failing', 'Newly failing'],
  ['missing', 'Missing: they passed at the base, and did not run or were skipped'],
  ['newly_passing', 'Newly passing'],
] as const

/** Returns the sections of a plan and its events, without the first line, which says the status. */
export function statusText(plan: PlanShape, events: EventShape[], cursor: number): string {
  const told =
    events.length === 0
      ? `No events (cursor ${cursor}).`
      : listed(`Events (cursor ${cursor})`, events.map(eventLine))
  return `${planText(plan)}\n\n${told}`
}

/** Returns the sections of a plan without its first line. */
export function planText(plan: PlanShape): string {
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
  ]
  return sections.filter((section) => section !== '').join('\n\n')
}

/** Returns a plan of a list in one line. */
export function planLine(plan: PlanShape): string {
  const { id, workspace, title, branch, base, status, phase, summary, question, error, commits, checks } =
    plan
  const parts = [
    `${id}: ${status}${phase === undefined ? '' : ` (${phase})`}, "${title}"`,
    `workspace ${workspace}, branch ${branch} from ${base}, attempt ${plan.attempt}, merge status ${plan.merge_status}`,
    ...(plan.outcome === undefined ? [] : [outcomeLine(plan).replace(/\.$/, '')]),
    ...(plan.paused_reason === undefined ? [] : [`paused: ${plan.paused_reason}`]),
    `${counted(plan.diff.files, 'file')} +${plan.diff.additions} -${plan.diff.deletions}`,
    `$${plan.spent_usd.toFixed(2)} of $${plan.budget_usd.toFixed(2)} with ${plan.model}`,
    `created ${plan.created_at}`,
    ...(plan.finished_at === undefined ? [] : [`finished ${plan.finished_at}`]),
    ...(plan.pushed_head === undefined ? [] : [`pushed head ${plan.pushed_head}`]),
    ...(plan.pr_url === undefined ? [] : [`pull request ${plan.pr_url}`]),
    ...(plan.status_detail === undefined ? [] : [plan.status_detail]),
    ...(question === undefined ? [] : [`question: ${oneLine(question)}`]),
    ...(error === undefined ? [] : [`error: ${oneLine(error)}`]),
    ...(summary === undefined ? [] : [`summary: ${oneLine(summary)}`]),
    ...checks.map((check) => `check ${checkLine(check)}`),
    ...commits.map(({ sha, subject }) => `commit ${sha.slice(0, 12)} ${subject}`),
  ]
  return `- ${parts.join('; ')}`
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

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
    `Workspace ${plan.workspace}, base ${plan.base}, attempt ${plan.attempt}, ${counted(plan.plan_chars, 'character')} of plan${heads}.`,
    ...(plan.outcome === undefined ? [] : [outcomeLine(plan)]),
    ...(plan.paused_reason === undefined ? [] : [`Paused: ${plan.paused_reason}.`]),
    ...(plan.status_detail === undefined ? [] : [`Detail: ${plan.status_detail}`]),
    ...(plan.pr_url === undefined ? [] : [`Pull request: ${plan.pr_url}`]),
    `Diff: ${counted(diff.files, 'file')}, +${diff.additions} -${diff.deletions}.`,
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
