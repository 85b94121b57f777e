// The foreign clients at exactly the versions of foreign/package.json, each file of theirs held to the checksums of its lock file, and
// where they are: a folder beside the project's own packages, because together they weigh 900 MB. AER_CLIENTS_DIR names another
// folder, such as a cache.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const ROOT = join(import.meta.dirname, '../..')
/** Their manifest and lock file, as committed. */
export const FOREIGN = join(import.meta.dirname, 'foreign')
export const CLIENTS_DIR = process.env['AER_CLIENTS_DIR'] ?? join(ROOT, '.clients')
export const CLIENTS_BIN = join(CLIENTS_DIR, 'node_modules/.bin')

export const PINS = z
  .object({
    dependencies: z.strictObject({
      '@anthropic-ai/claude-code': z.string(),
      '@google/gemini-cli': z.string(),
      '@openai/codex': z.string(),
      'mcp-remote': z.string(),
    }),
  })
  .parse(JSON.parse(readFileSync(join(FOREIGN, 'package.json'), 'utf8'))).dependencies
export type ForeignPackage = keyof typeof PINS

/** Why a client cannot be run here, or null when it can. */
export function whyNot(name: ForeignPackage): string | null {
  const found = installedVersion(join(CLIENTS_DIR, 'node_modules'), name)
  if (found === PINS[name]) return null
  const there = found === null ? 'is not installed' : `is there as ${found}, not as ${PINS[name]}`
  return `${name} ${there} in ${CLIENTS_DIR}: \`npm run clients -- --install\` brings it`
}

/** The version of a package that this project itself depends on. Errors: when `npm ci` has not been run. */
export function ownVersion(name: string): string {
  const found = installedVersion(join(ROOT, 'node_modules'), name)
  if (found === null) throw new Error(`${name} is not installed: run \`npm ci\`.`)
  return found
}

function installedVersion(folder: string, name: string): string | null {
  const file = join(folder, name, 'package.json')
  if (!existsSync(file)) return null
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version
}
