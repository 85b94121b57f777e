// Runs the project's own wrangler for deploy, doctor and destroy, one command at a time. Secrets go in through standard input,
// never as an argument, because every user of the machine can read arguments.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { z } from 'zod'
import { DeployError, cureFor } from './errors.ts'
import { parseJson } from '../src/shared/json.ts'

const ROOT = join(import.meta.dirname, '..')
const TIMEOUT_MS = 5 * 60_000

export interface Wrangler {
  /** Runs a command that changes nothing and returns its standard output as JSON. Throws DeployError with the cure. */
  ask<T>(args: string[], schema: z.ZodType<T>, inDryRun: T): Promise<T>
  /** Runs a command that changes something and returns what it printed. In a dry run the command is only shown. */
  change(args: string[], input?: { stdin: string; shownAs: string }): Promise<string>
  dryRun: boolean
}

export interface WranglerOptions {
  dryRun: boolean
  /** Shows each command before it runs. */
  show: (command: string) => void
  accountId?: () => string | undefined
}

export function createWrangler({ dryRun, show, accountId }: WranglerOptions): Wrangler {
  const run = async (args: string[], stdin: string) => {
    const result = await spawnWrangler(args, stdin, accountId?.())
    if (result.code === 0) return result.stdout
    throw new DeployError(cureFor(args, `${result.stdout}\n${result.stderr}`))
  }
  return {
    dryRun,
    async ask(args, schema, inDryRun) {
      if (dryRun) return inDryRun
      const printed = await run(args, '')
      const parsed = schema.safeParse(toJson(printed))
      if (!parsed.success)
        throw new DeployError(`wrangler ${args.join(' ')} answered something this version does not know.`)
      return parsed.data
    },
    async change(args, input) {
      show(
        `wrangler ${args.map(quote).join(' ')}${input === undefined ? '' : `  # on standard input: ${input.shownAs}`}`,
      )
      return dryRun ? '' : run(args, input?.stdin ?? '')
    },
  }
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs wrangler in the person's terminal, for the log-in that opens a browser. Returns true when it ended well. */
export function runInTerminal(args: string[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  spawn(process.execPath, [wranglerFile(), ...args], { cwd: ROOT, stdio: 'inherit' })
    .once('error', () => resolve(false))
    .once('close', (code) => resolve(code === 0))
  return promise
}

function spawnWrangler(args: string[], stdin: string, accountId: string | undefined): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const child = spawn(process.execPath, [wranglerFile(), ...args], {
    cwd: ROOT,
    timeout: TIMEOUT_MS,
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: 'false',
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      ...(accountId === undefined ? {} : { CLOUDFLARE_ACCOUNT_ID: accountId }),
    },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  child.stdin.on('error', () => {}) // it ended without reading: its exit code tells
  child.stdin.end(stdin)
  child.once('error', (error) => resolve({ code: null, stdout, stderr: String(error) }))
  child.once('close', (code) => resolve({ code, stdout, stderr }))
  return promise
}

function wranglerFile(): string {
  const another = process.env['RUNTIME_WRANGLER']
  if (another !== undefined) return another
  return join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')
}

/** wrangler prints banners around its JSON in some versions: from the first bracket on. */
const toJson = (printed: string): unknown => parseJson(printed.slice(printed.search(/[[{]/)))

const quote = (word: string): string =>
  /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
