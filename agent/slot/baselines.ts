// Keeps the baselines: how set-up and checks stand at a base commit. Each is measured once for one base, set-up, list of checks and
// set of programs on this machine, and serves all later plans. Root keeps them where no plan can write.
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { readJson } from '../machine/durable.ts'
import type { Paths } from '../machine/paths.ts'
import { findProgram } from '../machine/programs.ts'
import { Baseline } from '../proof/baseline.ts'

export interface BaselineKey {
  base: string
  setup: string | undefined
  checks: readonly string[]
}

const MAX_KEPT = 50
/** Programs whose version may change what a check says. */
const PROGRAMS = [
  'node',
  'npm',
  'pnpm',
  'yarn',
  'python3',
  'pytest',
  'go',
  'cargo',
  'ruby',
  'java',
  'gcc',
  'make',
]

/** Returns the file of a baseline. It need not exist. */
export function baselineFile({ ralph, bundle }: Paths, key: BaselineKey): string {
  const folder = join(ralph, 'baselines')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const programs = [bundle, ...PROGRAMS.map((name) => findProgram(name, process.env) ?? '')].map(markOf)
  const hash = createHash('sha256').update(
    JSON.stringify([key.base, key.setup ?? null, key.checks, programs]),
  )
  return join(folder, `${hash.digest('hex')}.json`)
}

/** Returns a kept baseline; null when there is none that can be read. One that is used counts as new. */
export function readBaseline(file: string): Baseline | null {
  try {
    const kept = Baseline.safeParse(readJson(file)).data ?? null
    if (kept !== null) utimesSync(file, new Date(), new Date())
    return kept
  } catch {
    return null // a folder stands in its place
  }
}

/** Removes what was not used for longest over the limit, whatever it is. What cannot be removed stays. */
export function dropOldBaselines({ ralph }: Paths): void {
  const folder = join(ralph, 'baselines')
  try {
    const byAge = readdirSync(folder)
      .map((name) => ({ path: join(folder, name), usedMs: usedMsOf(join(folder, name)) }))
      .toSorted((a, b) => b.usedMs - a.usedMs)
    for (const { path } of byAge.slice(MAX_KEPT)) rmSync(path, { recursive: true, force: true })
  } catch (error) {
    console.error(`Old baselines could not be removed: ${String(error)}`)
  }
}

const usedMsOf = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** A program's path, size and time of change, which differ after an update. */
function markOf(file: string): string {
  const found = file === '' ? undefined : statSync(file, { throwIfNoEntry: false })
  return found === undefined ? '' : `${file} ${found.size} ${found.mtimeMs}`
}
