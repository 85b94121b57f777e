// Runs the set-up before the work: the owner's commands, then what the repository spells out, else what its lock files need. It
// runs once for the same commands and lock files, also across attempts. A failure is told to the model, which can often fix it.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { detect } from './detect.ts'
import type { SetupCommand } from './detect-shapes.ts'
import { readTree } from './detect-tree.ts'
import { readJson, writeDurably } from '../machine/durable.ts'
import { commitOf } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { findTools } from '../machine/programs.ts'
import { clipOutput } from '../machine/output.ts'
import { readPlainFile } from '../machine/plain-file.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { shellOf } from './plan-shell.ts'
import { findExplicitSetup, findToolVersions } from './setup-files.ts'
import { runShell } from '../machine/shell.ts'

export interface SetupPlan {
  /** Names where the commands come from, for the history. */
  from: string[]
  commands: SetupCommand[]
  /** Says what of the repository's own set-up is passed over, and why. */
  notes: string[]
}

const SetupState = z.object({
  key: z.string(),
  /** What failed; null when everything succeeded. */
  failure: z.string().nullable(),
  from: z.array(z.string()),
  seconds: z.number(),
})
type SetupState = z.infer<typeof SetupState>
const DECLARED_TIMEOUT_MS = 20 * 60_000
const STOPPED = {
  timeout: 'took longer than it may',
  too_much_output: 'printed more than 64 MB',
  cancelled: 'was cancelled',
} as const

export interface PlanSetupInput {
  git: Git
  commit: string | null
  env: NodeJS.ProcessEnv
  /** The set-up command of the workspace. */
  declared: string | undefined
}

/** Returns the set-up commands for a commit. They run before the work and in the clean checkout of the proof. */
export async function planSetup({ git, commit, env, declared }: PlanSetupInput): Promise<SetupPlan> {
  const tree = await readTree(git, commit)
  const machine = findTools(env)
  const explicit = await findExplicitSetup(tree, machine)
  const detected = await detect(tree, machine)
  const ofLocks = detected.setup.filter(({ isTool }) => isTool !== true)
  const tools = [
    ...findToolVersions(tree, machine),
    ...detected.setup.filter(({ isTool }) => isTool === true),
  ]
  const isExplicit = explicit !== null && explicit.commands.length > 0
  const found = isExplicit ? explicit : { from: 'lock files', commands: ofLocks }
  const first =
    declared === undefined ? [] : [{ command: declared, timeoutMs: DECLARED_TIMEOUT_MS, keyFiles: [] }]
  return {
    from: [
      ...(declared === undefined ? [] : ["the workspace's setup"]),
      ...(found.commands.length === 0 ? [] : [found.from]),
    ],
    // Programs come first, because the owner's commands may call them.
    commands: [...tools, ...first, ...found.commands],
    notes: explicit?.notes ?? [],
  }
}

/** Runs the set-up if it is not done yet. Returns what failed, for the model; null when nothing did. */
export async function runSetup(plan: PlanContext): Promise<string | null> {
  const { git, start, env, home } = plan
  const { commands, from } = await planSetup({
    git,
    commit: await commitOf(git, 'HEAD'),
    env,
    declared: start.setup,
  })
  const key = keyOf(commands, start.checkout)
  const before = readSetupState(home)
  if (before?.key === key && before.failure === null) return null
  const startedAt = performance.now()
  const failure = await runAll(plan, commands)
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  writeDurably(stateFile(home), JSON.stringify({ key, failure, from, seconds } satisfies SetupState))
  if (commands.length > 0 && failure === null)
    plan.report({ kind: 'event', type: 'setup', text: `Set up from ${from.join(' and ')} in ${seconds} s.` })
  return failure
}

/** Returns the result of the last set-up; null when none has run. */
export function readSetupState(home: string): SetupState | null {
  // none yet, or torn: it runs again
  return SetupState.safeParse(readJson(stateFile(home))).data ?? null
}

async function runAll(plan: PlanContext, commands: SetupCommand[]): Promise<string | null> {
  for (const [index, { command, timeoutMs }] of commands.entries()) {
    const logFile = join(plan.home, `.ralph/out/setup${index === 0 ? '' : `-${index + 1}`}.log`)
    const result = await runShell({ ...shellOf(plan), command, timeoutMs, logFile })
    if (result.exitCode === 0) continue
    const how = result.stopped === null ? `ended with exit code ${result.exitCode}` : STOPPED[result.stopped]
    plan.report({ kind: 'event', type: 'error', text: `Set-up: \`${command.slice(0, 300)}\` ${how}.` })
    return `\`${command.slice(0, 500)}\` ${how}:\n${clipOutput(result.output, logFile)}`
  }
  return null
}

const stateFile = (home: string): string => join(home, '.ralph/setup.json')

/** Returns a hash of the commands and of the files that they depend on. */
function keyOf(commands: SetupCommand[], checkout: string): string {
  const hash = createHash('sha256')
  for (const { command, keyFiles } of commands) {
    hash.update(`${command}\0`)
    for (const file of keyFiles) hash.update(`${file}\0`).update(contentOf(join(checkout, file)))
  }
  return hash.digest('hex')
}

function contentOf(file: string): Uint8Array {
  try {
    return readPlainFile(file, file)
  } catch {
    return new Uint8Array() // a missing or special file counts as empty
  }
}
