// Says where the agent's files are on its machine. The environment can move each base folder, so that tests run without a VM.
import { realpathSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'

export interface Paths {
  /** Root only (0700): vm.key, config.json, supervisor state, events not yet acknowledged. */
  ralph: string
  /** tasks.md, repo.git, plans/: what plan users may read. */
  workspace: string
  /** Link to the workspace, for people. */
  workspaceLink: string
  /** Parent of the plan users' homes. */
  planHomes: string
  /** The running agent, one file that is replaced as a whole. */
  bundle: string
  /** False where the machine is not ours alone. No unix users are added there. */
  ownMachine: boolean
}

export function readPaths(env: NodeJS.ProcessEnv, bundle: string): Paths {
  const ralph = env['RALPH_HOME'] ?? join(homedir(), '.ralph')
  // If root's HOME is not root's home folder, this machine is not ours: files stay below HOME, and no unix users are added.
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

/** Returns where the workspace is. Bootstrap chose the folder and left a link to it. */
function folderBehind(link: string): string | null {
  try {
    return realpathSync(link)
  } catch {
    return null // bootstrap has not run
  }
}

export const mirrorDir = (paths: Paths): string => join(paths.workspace, 'repo.git')
export const checkoutDir = (paths: Paths, planId: string): string => join(paths.workspace, 'plans', planId)
export const tasksFile = (paths: Paths): string => join(paths.workspace, 'tasks.md')
export const socketFile = (paths: Paths): string => join(paths.ralph, 'supervisor.sock')
export const nonceFile = (paths: Paths): string => join(paths.ralph, 'nonce')
export const logFile = (paths: Paths): string => join(paths.ralph, 'supervisor.log')
export const reserveFile = (paths: Paths): string => join(paths.ralph, 'reserve')
