// What the first message tells the model about where it is: the state of the repository, its own instructions, earlier work.
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalRecord } from './journal.ts'
import { clipText } from './output.ts'
import type { Message } from './pipe.ts'
import type { PlanRun } from './plan-run.ts'

export interface PlanFacts {
  id: string
  text: string
  repository: string
  instructions: string
  progress: string
  setupFailure: string
  messages: Message[]
}

export interface FactsInput {
  plan: PlanRun
  baseHead: string | null
  setupFailure: string | null
  messages: Message[]
}

const MAX_INSTRUCTIONS_BYTES = 8 * 1024
const INSTRUCTION_FILES = ['AGENTS.md', 'CLAUDE.md', '.github/copilot-instructions.md']

export async function gatherFacts({
  plan,
  baseHead,
  setupFailure,
  messages,
}: FactsInput): Promise<PlanFacts> {
  return {
    id: plan.start.id,
    text: plan.start.text,
    repository: await describeRepository(plan, baseHead),
    instructions: readInstructions(plan.start.checkout),
    progress: describeProgress(plan.journal.records()),
    setupFailure: setupFailure ?? '',
    messages,
  }
}

async function describeRepository({ git, start }: PlanRun, baseHead: string | null): Promise<string> {
  const show = async (title: string, args: string[]) => {
    const said = (await git.try(args)).stdout.trim()
    return said === '' ? '' : `${title}\n${clipText(said, 4_000)}`
  }
  const parts = [
    `Checkout: ${start.checkout}\nBranch: ${start.branch}, started from ${start.base}${baseHead === null ? '' : ` at ${baseHead.slice(0, 12)}`}`,
    await show('Last commits:', ['log', '--oneline', '-15']),
    baseHead === null ? '' : await show('Changed since the base:', ['diff', '--stat', baseHead]),
    await show('Uncommitted:', ['status', '--short']),
    await show('Files at the top:', ['ls-tree', '--name-only', 'HEAD']),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** The first instruction file there is, up to 8 KB. Not through a link: a repository could point it at any file. */
function readInstructions(checkout: string): string {
  for (const name of INSTRUCTION_FILES) {
    try {
      const fd = openSync(
        join(checkout, name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      )
      try {
        const buffer = Buffer.alloc(MAX_INSTRUCTIONS_BYTES)
        const text = buffer.subarray(0, readSync(fd, buffer)).toString('utf8').trim()
        if (text !== '') return `${name}:\n${text}`
      } finally {
        closeSync(fd)
      }
    } catch {
      // not there, or no plain file: the next name
    }
  }
  return ''
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
