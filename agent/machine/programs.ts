// Which programs a plan's user can start, by its own PATH.
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Machine {
  has(tool: string): boolean
  /** This file and the Node it runs on, for checks that we carry ourselves. */
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

/** The one file all of this is bundled into; from source, the file that is its entry. */
function ownFile(): string {
  const file = fileURLToPath(import.meta.url)
  return file.endsWith('programs.ts') ? join(dirname(file), '../main.ts') : file
}

/** The program's path; null: not there, or not for this user. */
export function findProgram(tool: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env['PATH'] ?? '').split(':')) {
    const file = join(folder, tool)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // not in this folder
    }
  }
  return null
}
