// Runs the official suite as a program and reads what it wrote down. What a result means is judged elsewhere (judge.ts).
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { Check } from './judge.ts'

const PROGRAM = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/conformance/dist/index.js',
)
const TIMEOUT_MS = 5 * 60_000

const Checks = z.array(z.object({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }))

export interface RunSuiteInput {
  /** Names the run in the table and in the baseline: a version, "tasks", "authorization". */
  run: string
  args: string[]
  /** Each line it prints: of authorization the address to visit is among them. */
  onLine?: (line: string) => void
}

export async function runSuite({ run, args, onLine }: RunSuiteInput): Promise<Check[]> {
  const folder = await mkdtemp(join(tmpdir(), 'aer-conformance-'))
  try {
    const lines: string[] = []
    const child = spawn(process.execPath, [PROGRAM, ...args, '--output-dir', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        onLine?.(line)
      })
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject)
      // The exit code says "something failed": the checks say what.
      child.once('close', () => resolve())
    })
    const checks = await readChecks(run, folder)
    if (checks.length === 0)
      throw new Error(`the suite wrote nothing for ${run}:\n${lines.slice(-20).join('\n')}`)
    return checks
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readChecks(run: string, folder: string): Promise<Check[]> {
  const found: Check[] = []
  for (const name of (await readdir(folder)).toSorted()) {
    const scenario = name.replace(/^(?:authorization-)?server-/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '')
    const json: unknown = JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8'))
    for (const { id, status, errorMessage = '' } of Checks.parse(json))
      found.push({ run, scenario, id, status, message: errorMessage })
  }
  return found
}
