// Runs set-up and checks in a proof's checkout. A red check runs a second time before it counts. Where the runner can name its tests,
// the results are kept by name.
import { chownSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { parseJson } from '../../src/shared/json.ts'
import type { Check } from '../checks/check-list.ts'
import type { SetupCommand } from '../checks/detect-shapes.ts'
import { cleanOutput, clipOutput, clipText } from '../machine/output.ts'
import { run } from '../machine/process.ts'
import type { ShellResult } from '../machine/shell.ts'
import { askByName } from '../results/ask-by-name.ts'
import type { TestResults } from '../results/test-results.ts'
import type { CheckState } from '../../src/shared/words.ts'
import type { ProofShell } from './clean-checkout.ts'

export interface CheckRun {
  check: Check
  state: CheckState
  exitCode: number
  seconds: number
  /** True when the check failed once and passed when it was run again. */
  flaky: boolean
  /** null when the runner did not name its tests. */
  tests: TestResults | null
  /** Text for the model and the judge: how the check ended and the end of its output. */
  tail: string
}

const MISSING_PROGRAM = 127
const KILLED = 137
const TAIL_CHARS = 6_000

/** Runs the set-up. Returns a text that says what failed, or null. */
export async function runSetup(shell: ProofShell, setup: readonly SetupCommand[]): Promise<string | null> {
  for (const { command, timeoutMs } of setup) {
    const input = { type: 'setup', command, shown: command, timeoutMs } as const
    const first = await shell.run(input)
    const result = first.exitCode === 0 || first.stopped !== null ? first : await shell.run(input)
    if (result.exitCode !== 0) return describe(command, result)
  }
  return null
}

/** `commit` is the one whose package.json the checks read; `where` becomes part of the history line. */
export async function runChecks(
  shell: ProofShell,
  checks: readonly Check[],
  { commit, where }: { commit: string; where: string },
): Promise<CheckRun[]> {
  const runs: CheckRun[] = []
  for (const check of checks) {
    const ended = await runCheck(shell, check, await scriptsFor(shell, check, commit))
    runs.push(ended)
    const { state, exitCode, seconds, flaky } = ended
    const how = state === 'passed' ? 'passed' : `${WORDS[state]} (exit ${exitCode})`
    shell.report({
      kind: 'event',
      type: 'check',
      text: clipText(`${how}${flaky ? ' at the second try' : ''} ${where}: ${check.shown}`, 500),
      data: { exit_code: exitCode, seconds, ...(flaky ? { flaky } : {}) },
    })
  }
  return runs
}

const WORDS = {
  failed: 'failed',
  timed_out: 'timed out',
  tool_missing: 'failed, a program is missing',
  killed: 'was killed',
} as const

async function runCheck(shell: ProofShell, check: Check, scripts: Scripts): Promise<CheckRun> {
  const { command, shown, timeoutMs } = check
  const runAsked = async () => {
    const { checkout, env, order } = shell
    const reportFolder = mkdtempSync(join(tmpdir(), 'results-'))
    try {
      const asked = askByName(check, { reportFolder, checkout, env, scripts })
      // The runner writes its report as the prover's user.
      if (order.user.ids !== null) chownSync(reportFolder, order.user.ids.uid, order.user.ids.gid)
      const input = { type: 'check', command: asked.command, shown, timeoutMs, env: asked.env } as const
      const result = await shell.run(input)
      // What is shown of a long output lacks its middle, and with it the names of tests.
      const isWhole = result.stopped !== 'too_much_output'
      const tests = asked.read(isWhole ? cleanOutput(readFileSync(result.logFile, 'utf8')) : result.output)
      return toRun(check, { ...result, output: asked.show(result.output) }, tests)
    } finally {
      // rm does not follow a link that the check's user puts in a folder's place meanwhile.
      await run('rm', ['-rf', '--', reportFolder], { env: shell.env, timeoutMs: 60_000 })
    }
  }
  const first = await runAsked()
  // A check that hangs would cost its whole time limit again.
  if (first.state === 'passed' || first.state === 'timed_out' || first.state === 'tool_missing') return first
  // Asking for the names may itself be what failed, so the second run is the plain command.
  const plain = toRun(check, await shell.run({ type: 'check', command, shown, timeoutMs }), first.tests)
  if (plain.state !== 'passed') return plain
  // An exit code alone shows no test, so a check that changed its mind is asked once more. Where asking is what fails, it names none.
  const again = await runAsked()
  return again.state === 'passed' ? { ...again, flaky: true } : { ...plain, flaky: true, tests: null }
}

const PackageJson = z.object({ scripts: z.record(z.string(), z.string()).catch({}) })
type Scripts = z.infer<typeof PackageJson>['scripts']

/** Returns the scripts of package.json in the folder where the check's command runs. */
async function scriptsFor({ textAt }: ProofShell, { command }: Check, commit: string): Promise<Scripts> {
  const folder = /^cd (\S+) && /.exec(command)?.[1]?.replaceAll("'", '')
  const text = await textAt(commit, folder === undefined ? 'package.json' : `${folder}/package.json`)
  return PackageJson.safeParse(parseJson(text)).data?.scripts ?? {}
}

function toRun(check: Check, result: ShellResult, tests: TestResults | null): CheckRun {
  const { exitCode, seconds } = result
  return {
    check,
    state: stateOf(result),
    exitCode,
    seconds,
    flaky: false,
    tests,
    tail: describe(check.shown, result),
  }
}

export function stateOf({ exitCode, stopped }: Pick<ShellResult, 'exitCode' | 'stopped'>): CheckState {
  if (stopped === 'timeout') return 'timed_out'
  if (exitCode === 0) return 'passed'
  if (exitCode === MISSING_PROGRAM) return 'tool_missing'
  return exitCode === KILLED && stopped === null ? 'killed' : 'failed'
}

function describe(command: string, { exitCode, seconds, stopped, output }: ShellResult): string {
  const how = {
    timeout: ' (timed out and was killed)',
    too_much_output: ' (printed more than 64 MB and was killed)',
    cancelled: ' (was cancelled)',
  }
  return `$ ${clipText(command, 500)}\nexit code ${exitCode}${stopped === null ? '' : how[stopped]}, ${seconds} s\n${failingLines(output)}`
}

const FAILS =
  /^\s*(?:not ok\b|FAIL\b|FAILED\b|ERROR\b|E {2,}|--- FAIL|✖|✗|×|●|panic:|thread '|AssertionError|Error:|error(?:\[|:)|Traceback|\d+\) )/

/** Returns the lines around failures and the end of the output. What fails often stands far above the last line. */
function failingLines(output: string): string {
  const text = clipOutput(output, 'the log of this machine')
  if (text.length <= TAIL_CHARS) return text
  const lines = text.split('\n')
  const end = text.slice(-TAIL_CHARS / 2)
  const wanted = new Set<number>()
  for (const [at, line] of lines.entries())
    if (FAILS.test(line)) for (let near = at - 1; near < at + 8; near++) wanted.add(near)
  const found = lines.filter((_, at) => wanted.has(at)).join('\n')
  return found === '' ? text.slice(-TAIL_CHARS) : `${found.slice(0, TAIL_CHARS / 2)}\n[...]\n${end}`
}
