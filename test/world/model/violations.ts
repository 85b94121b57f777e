// Makes a test fail when the model stand-in saw a broken rule in any request, whatever else the test checks.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** The file is in a stack's state folder, so that it survives a killed stand-in. */
export const VIOLATIONS_FILE = 'model-violations.jsonl'

export function readViolations(stateDir: string): string[] {
  const file = join(stateDir, VIOLATIONS_FILE)
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => z.string().parse(JSON.parse(line)))
}

/** Errors: throws, with every broken rule, when there is one. */
export function demandNoViolations(violations: string[]): void {
  if (violations.length === 0) return
  throw new Error(
    `The model stand-in saw ${violations.length} broken rules of the API:\n${violations.join('\n')}`,
  )
}
