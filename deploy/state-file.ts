// What a deployment stores on this machine: names and ids, never a secret. When the file is lost, everything is found again at
// Cloudflare.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseJson } from '../src/shared/json.ts'

export const STATE_FILE = process.env['RUNTIME_STATE_FILE'] ?? join(import.meta.dirname, '../.deploy.json')

const State = z.object({
  accountId: z.string().optional(),
  name: z.string().optional(),
  url: z.string().optional(),
  /**
   * False from the moment OWNER_TOKEN is set until it has been shown. After an interrupted run the next one makes a new token.
   */
  ownerTokenShown: z.boolean().optional(),
  /** Optional keys that the person left for later, so that not every deploy asks for them. */
  later: z.array(z.string()).optional(),
  /** What was deployed last; the same again is not uploaded. */
  fingerprint: z.string().optional(),
})
export type State = z.infer<typeof State>

export function readState(): State {
  if (!existsSync(STATE_FILE)) return {}
  // {}: torn or from another version; everything in it can be found again
  return State.safeParse(parseJson(readFileSync(STATE_FILE, 'utf8'))).data ?? {}
}

export function saveState(changes: State): void {
  const temporary = `${STATE_FILE}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify({ ...readState(), ...changes }, null, 2)}\n`)
  renameSync(temporary, STATE_FILE)
}
