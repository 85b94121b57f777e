// Describes the machine and the repository for the first message, which saves the model the commands it would begin with. It is at
// most about 1,200 tokens long; every part has its own cap.
import { availableParallelism, totalmem } from 'node:os'
import { connect } from 'node:net'
import { detectAt } from '../checks/detect.ts'
import { describeBrowser } from '../users/browser.ts'
import { readIfPresent } from '../machine/durable.ts'
import { commitOf } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { freeDiskMb } from '../machine/machine.ts'
import { findProgram } from '../machine/programs.ts'
import { clipText } from '../machine/output.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { run } from '../machine/process.ts'
import { readSetupState } from '../checks/setup.ts'
import { describeForeignParts } from '../git/submodules.ts'

const VERSION_TIMEOUT_MS = 5_000
const NETWORK_TIMEOUT_MS = 2_000
const MAX_TREE_ENTRIES = 60
const TOOLS = [
  'node',
  'npm',
  'pnpm',
  'yarn',
  'bun',
  'deno',
  'python3',
  'uv',
  'poetry',
  'cargo',
  'go',
  'java',
  'ruby',
  'make',
  'just',
  'gcc',
  'docker',
  'git',
  'git-lfs',
  'rg',
  'jq',
  'pandoc',
  'libreoffice',
]

export async function describeEnvironment(plan: PlanContext, baseHead: string | null): Promise<string> {
  const { env, git, home, start } = plan
  const found = await detectAt({ git, commit: baseHead, env })
  const [tools, network, foreign, tree] = await Promise.all([
    describeTools(env),
    hasNetwork(),
    describeForeignParts(git),
    describeTree(git),
  ])
  const checks = [
    ...start.checks,
    ...((await hasRepositoryChecks(git, baseHead)) ? ['.ralph/checks.sh'] : []),
    ...found.checks.map(({ shown }) => shown),
  ]
  return [
    `System: ${systemName()}, ${availableParallelism()} processors, ${Math.round(totalmem() / 1024 ** 3)} GB memory, ${Math.round((freeDiskMb(home) ?? 0) / 1024)} GB disk free. Network: ${network ? 'yes' : 'no (only the git and model gateway)'}.`,
    `Tools: ${tools}`,
    `Project: ${found.kind}. ${describeSetup(home)}`,
    `Checks that will be run: ${clipText(checks.join('; ') || 'none found', 600)}`,
    ...found.notes.slice(0, 5).map((note) => clipText(note, 200)),
    ...foreign,
    `Ports for your servers: ${env['RALPH_PORT_FIRST']} to ${env['RALPH_PORT_LAST']}, on 127.0.0.1 (PORT is ${env['PORT']}). Temporary files: $TMPDIR. Evidence for the person: ~/evidence.`,
    describeBrowser(env),
    tree,
  ]
    .filter((line) => line !== '')
    .join('\n')
}

function systemName(): string {
  const pretty = /^PRETTY_NAME="?([^"\n]*)/m.exec(readIfPresent('/etc/os-release') ?? '')?.[1]
  return `${pretty ?? process.platform} ${process.arch}`
}

const versions = new Map<string, Promise<string | null>>()

/** Returns the installed tools, each with the number that `--version` prints. */
async function describeTools(env: NodeJS.ProcessEnv): Promise<string> {
  const found = await Promise.all(
    TOOLS.map((tool) => {
      const known = versions.get(tool) ?? versionOf(tool, env)
      versions.set(tool, known)
      return known
    }),
  )
  return found.filter((tool) => tool !== null).join(', ')
}

async function versionOf(tool: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  if (findProgram(tool, env) === null) return null
  const args = tool === 'go' ? ['version'] : ['--version']
  const { stdout, stderr } = await run(tool, args, { env, timeoutMs: VERSION_TIMEOUT_MS, cwd: '/' })
  const number = /\d+(?:\.\d+)+/.exec(stdout || stderr)?.[0]
  return number === undefined ? tool : `${tool} ${number}`
}

function describeSetup(home: string): string {
  const state = readSetupState(home)
  if (state === null || state.from.length === 0) return 'Nothing had to be set up.'
  const from = state.from.join(' and ')
  return state.failure === null
    ? `Prepared: yes, from ${from}.`
    : `Prepared: no, set-up from ${from} failed (below).`
}

async function hasRepositoryChecks(git: Git, baseHead: string | null): Promise<boolean> {
  return baseHead !== null && (await git.try(['cat-file', '-e', `${baseHead}:.ralph/checks.sh`])).code === 0
}

/** Resolves to true when the machine reaches the internet, not only our gateway. */
function hasNetwork(): Promise<boolean> {
  const [host = '', port = '443'] = (process.env['RALPH_NETWORK_PROBE'] ?? 'github.com:443').split(':')
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: NETWORK_TIMEOUT_MS })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    // The socket's own timeout does not cover a name server that does not answer.
    setTimeout(() => end(false), NETWORK_TIMEOUT_MS).unref()
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}

/** Returns the files of the first two levels; a deeper folder is named with the number of files below it. */
async function describeTree(git: Git): Promise<string> {
  if ((await commitOf(git, 'HEAD')) === null)
    return 'Files: none yet; the branch begins with your first commit.'
  const listed = await git.try(['ls-files', '-z'])
  const counts = new Map<string, number>()
  for (const path of listed.stdout.split('\0').filter((name) => name !== '')) {
    const [first = '', second, ...rest] = path.split('/')
    const shown = second === undefined ? first : rest.length === 0 ? path : `${first}/${second}/`
    counts.set(shown, (counts.get(shown) ?? 0) + 1)
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  // Files near the top say most about a project, so they are listed first.
  const names = [...counts].toSorted(([a], [b]) => depthOf(a) - depthOf(b)).slice(0, MAX_TREE_ENTRIES)
  const lines = names.map(([name, count]) => (count > 1 ? `${name} (${count})` : name))
  const more = counts.size - names.length
  return clipText(`Files (${total}): ${lines.join(', ')}${more > 0 ? ` and ${more} more` : ''}`, 2_000)
}

const depthOf = (path: string): number => path.replace(/\/$/, '').split('/').length
