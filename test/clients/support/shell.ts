// Foreign programs in an environment of their own: an empty home, no setting of ours, no way to a model but the scripted one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CLIENTS_BIN } from '../pins.ts'

const TIMEOUT_MS = 280_000
const OWN_BIN = join(import.meta.dirname, '../../../node_modules/.bin')

export interface Shell {
  home: string
  /** An empty folder, the place of work. */
  folder: string
  env: Record<string, string>
  /** Standard output and error together. Errors: the whole output, when the line does not end with 0. */
  run: (line: string, options?: ShellOptions) => Promise<string>
}

export interface ShellOptions {
  folder?: string
  /** Sees all the output so far, whenever there is more. */
  watch?: (output: string) => void
}

export async function createShell(home: string, extra: Record<string, string> = {}): Promise<Shell> {
  const folder = join(home, 'work')
  await mkdir(folder, { recursive: true })
  const env = { HOME: home, PATH: `${CLIENTS_BIN}:${OWN_BIN}:/usr/local/bin:/usr/bin:/bin`, ...extra }
  return { home, folder, env, run: (line, options) => runLine(line, { folder, ...options, env }) }
}

async function runLine(
  line: string,
  { folder, env, watch }: ShellOptions & { env: Record<string, string> },
): Promise<string> {
  const child = spawn('/bin/bash', ['-c', line], {
    env,
    cwd: folder,
    detached: true, // a group of its own, so that a client's children end with it
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const read = (chunk: unknown): void => {
    output += String(chunk)
    watch?.(output)
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const end = (): void => void (child.pid === undefined || process.kill(-child.pid, 'SIGKILL'))
  const late = setTimeout(end, TIMEOUT_MS)
  const [code] = await once(child, 'close')
  clearTimeout(late)
  if (code !== 0) throw new Error(`\`${line}\` ended with ${String(code)}:\n${output}`)
  return output
}
