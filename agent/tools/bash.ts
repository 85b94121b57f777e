// The bash tool: it runs one command as the plan's user and returns its output, clipped.
import { join } from 'node:path'
import { z } from 'zod'
import { clipOutput } from '../machine/output.ts'
import { runShell, startJob } from '../machine/shell.ts'
import type { Job, ShellResult } from '../machine/shell.ts'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

const DEFAULT_TIMEOUT_SECONDS = 120
const MAX_TIMEOUT_SECONDS = 1_800

export function bashTool(context: ToolContext) {
  const jobs = createJobs()
  return defineTool(context, {
    name: 'bash',
    description:
      'Runs a bash command and returns its exit code and output. Each call is a new shell; the working directory is kept between calls, variables are not. Standard input is empty. Long output is clipped to its head and tail, with the path of the full text. A server or anything else that must go on by itself is started with background.',
    inputSchema: z.object({
      command: z.string().min(1).describe('The command, as bash reads it; may have several lines.'),
      timeout_seconds: z
        .number()
        .min(1)
        .max(MAX_TIMEOUT_SECONDS)
        .optional()
        .describe(
          `Default ${DEFAULT_TIMEOUT_SECONDS}. On a timeout the command is killed and its output so far returned.`,
        ),
      background: z
        .boolean()
        .optional()
        .describe(
          'Starts the command as a job and returns at once with its id and the file its output goes to.',
        ),
    }),
    describe: ({ command }) => command,
    async run({ command, timeout_seconds, background }, { plan, cwd, signal }) {
      // This number grows also over restarts, because the journal only gets longer.
      const number = String(plan.journal.records().length).padStart(5, '0')
      const logFile = join(plan.home, '.ralph/out', `${number}.log`)
      if (background === true) return jobs.start(logFile, startJob({ command, cwd, env: plan.env, logFile }))
      const timeoutMs = (timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1_000
      const onActivity = () => plan.report({ kind: 'activity' })
      const result = await runShell({ command, cwd, env: plan.env, timeoutMs, logFile, onActivity, signal })
      context.cwd = result.cwd
      return [...jobs.news(), describeResult(result, logFile, cwd)].join('\n')
    },
  })
}

/** Keeps the background jobs of this process. news() returns each ended job once, so that the model hears of it. */
function createJobs() {
  const running = new Map<number, Job & { logFile: string }>()
  let last = 0
  return {
    start(logFile: string, job: Job): string {
      if (job.pid === undefined) return 'The job could not be started.'
      running.set(++last, Object.assign(job, { logFile }))
      return `Job ${last} runs. Its output goes to ${logFile}; look with tail. End it with: kill -- -${job.pid}`
    },
    news(): string[] {
      const ended = [...running].filter(([, job]) => job.exitCode !== null)
      for (const [id] of ended) running.delete(id)
      return ended.map(([id, job]) => `[job ${id} ended with exit code ${job.exitCode}: ${job.logFile}]`)
    },
  }
}

function describeResult(
  { exitCode, seconds, stopped, output, cwd }: ShellResult,
  logFile: string,
  before: string,
): string {
  const how = {
    timeout: 'timed out and was killed; ',
    too_much_output: 'printed more than 64 MB and was killed; ',
    cancelled: 'was cancelled; ',
  }
  const head = `${stopped === null ? '' : how[stopped]}exit code ${exitCode}, ${seconds} s${cwd === before ? '' : `, now in ${cwd}`}`
  return `${head}\n${clipOutput(output, logFile)}`.trimEnd()
}
