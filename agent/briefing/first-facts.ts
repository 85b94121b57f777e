// Gathers the facts for the model's first message: the state of the repository, its instructions, the machine, earlier work.
import { describeEnvironment } from './machine-report.ts'
import { readInstructions } from './instructions.ts'
import type { JournalRecord } from '../plan/journal.ts'
import { clipText } from '../machine/output.ts'
import type { Message } from '../machine/plan-pipe.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { redact } from '../machine/secrets.ts'

export interface PlanFacts {
  id: string
  text: string
  repository: string
  /** Describes the machine, the kind of project and its checks. */
  environment: string
  instructions: string
  progress: string
  setupFailure: string
  /** Results of the checks before the work. */
  checks: string
  messages: Message[]
}

export interface FactsInput {
  plan: PlanContext
  baseHead: string | null
  setupFailure: string | null
  /** Text about the checks that run at the end and their result before the work; may be empty. */
  checks: string
}

export async function gatherFacts(input: FactsInput): Promise<PlanFacts> {
  const { plan, baseHead, setupFailure, checks } = input
  const known = plan.token.all()
  return {
    id: plan.start.id,
    text: plan.start.text,
    repository: redact(await describeRepository(plan, baseHead), known),
    environment: redact(await describeEnvironment(plan, baseHead), known),
    instructions: redact(readInstructions(plan.start.checkout), known),
    progress: describeProgress(plan.journal.records()),
    setupFailure: redact(setupFailure ?? '', known),
    checks,
    messages: plan.start.messages,
  }
}

async function describeRepository({ git, start }: PlanContext, baseHead: string | null): Promise<string> {
  const show = async (title: string, args: string[]) => {
    const said = (await git.try(args)).stdout.trim()
    return said === '' ? '' : `${title}\n${clipText(said, 4_000)}`
  }
  const parts = [
    `Checkout: ${start.checkout}\nBranch: ${start.branch}, started from ${start.base}${baseHead === null ? '' : ` at ${baseHead.slice(0, 12)}`}`,
    await show('Last commits:', ['log', '--oneline', '-15']),
    baseHead === null ? '' : await show('Changed since the base:', ['diff', '--stat', baseHead]),
    await show('Uncommitted:', ['status', '--short']),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function describeProgress(records: JournalRecord[]): string {
  const lines = records.flatMap((record) => {
    if (record.kind === 'finished') return [`An earlier attempt finished with: ${record.summary}`]
    if (record.kind === 'asked') return [`You asked the person: ${record.question}`]
    if (record.kind === 'ended') return [`An earlier attempt ended: ${record.how}`]
    return []
  })
  return lines.slice(-10).join('\n')
}
