// Finds the programs that a plan's user can start, by its PATH.
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Machine {
  has(tool: string): boolean
  /** The Node and the agent's file, for checks that are part of the agent. */
  node: string
  bundle: string
}

export function findTools(env: NodeJS.ProcessEnv): Machine {
  const known = new Map<string, boolean>()
  const has = (tool: string): boolean => {
    const answer = known.get(tool) ?? findProgram(tool, env) !== null
    known.set(tool, answer)
    return answer
  }
  return { has, node: process.execPath, bundle: ownFile() }
}

/** Returns the bundled agent's file; when run from source, the entry file. */
function ownFile(): string {
  const file = fileURLToPath(import.meta.url)
  return file.endsWith('programs.ts') ? join(dirname(file), '../main.ts') : file
}

/** Returns the program's path; null when it is missing or this user may not run it. */
export function findProgram(tool: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env['PATH'] ?? '').split(':')) {
    const file = join(folder, tool)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // the program is not in this folder
    }
  }
  return null
}
