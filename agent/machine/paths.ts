// Where everything of Ralph's lies on the machine it runs on. Every base can be moved by the environment, so that tests
// run without a VM.
import { realpathSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'

export interface Paths {
  /** Root only (0700): vm.key, config.json, supervisor state, events not yet acknowledged. */
  ralph: string
  /** tasks.md, repo.git, plans/: what plan users may read. */
  workspace: string
  /** The link a person follows to the workspace. */
  workspaceLink: string
  /** Parent of the plan users' homes. */
  planHomes: string
  /** The running agent: one file, replaced as a whole. */
  bundle: string
  /** False where the machine is not ours alone: no unix users are added there. */
  ownMachine: boolean
}

export function readPaths(env: NodeJS.ProcessEnv, bundle: string): Paths {
  const ralph = env['RALPH_HOME'] ?? join(homedir(), '.ralph')
  // A root whose HOME is not root's home sits in somebody else's machine (a stand-in without a sandbox): files stay below
  // HOME, and its /etc/passwd is left alone.
  const isRoot = process.getuid?.() === 0
  const ownMachine = isRoot && (env['RALPH_HOME'] !== undefined || userInfo().homedir === homedir())
  const workspaceLink = join(dirname(ralph), 'workspace')
  return {
    ralph,
    workspace: env['RALPH_SRV'] ?? folderBehind(workspaceLink) ?? '/srv/workspace',
    workspaceLink,
    planHomes: env['RALPH_PLAN_HOMES'] ?? (ownMachine ? '/home' : join(ralph, 'homes')),
    bundle,
    ownMachine: ownMachine && env['RALPH_NO_USERS'] === undefined,
  }
}

/** Bootstrap decided where the workspace lies and left a link to it. */
function folderBehind(link: string): string | null {
  try {
    return realpathSync(link)
  } catch {
    return null // not bootstrapped
  }
}

export const mirrorDir = (paths: Paths): string => join(paths.workspace, 'repo.git')
export const checkoutDir = (paths: Paths, planId: string): string => join(paths.workspace, 'plans', planId)
export const tasksFile = (paths: Paths): string => join(paths.workspace, 'tasks.md')
export const socketFile = (paths: Paths): string => join(paths.ralph, 'supervisor.sock')
export const nonceFile = (paths: Paths): string => join(paths.ralph, 'nonce')
export const logFile = (paths: Paths): string => join(paths.ralph, 'supervisor.log')
export const reserveFile = (paths: Paths): string => join(paths.ralph, 'reserve')
