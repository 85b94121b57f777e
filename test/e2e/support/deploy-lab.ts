// Runs `npm run deploy` and its siblings as a person would: the real program and the real wrangler, with Cloudflare's API and the
// deployed Worker's address played at the network edge.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCloudflare } from '../../world/cloudflare/server.ts'
import type { CloudflareStandIn } from '../../world/cloudflare/server.ts'
import { removeAtEnd } from '../../support/run-folder.ts'

const ROOT = join(import.meta.dirname, '../../..')
export const GOOD_KEYS = {
  ORGO_API_KEY: 'sk_live_abcdefgh12345678',
  ANTHROPIC_API_KEY: 'sk-ant-abcdefgh12345678',
  GIT_CREDENTIALS: 'https://x-access-token:github_pat_abcdefgh12345678@github.com',
}

/** Real terminals come with Python; its standard input is the keyboard. */
const IN_TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'

export interface LabOptions {
  accountNames?: string[]
  wrangler?: 'real'
}

export interface Ran {
  code: number | null
  signal: NodeJS.Signals | null
  output: string
}

export interface DeployLab {
  cloudflare: CloudflareStandIn
  stateFile: string
  /** What the deployed Worker answers at /doctor. */
  doctor: { status: number; report: unknown }
  run(script: string, args?: string[], options?: RunOptions): Promise<Ran>
  close(): Promise<void>
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv
  answers?: string
  /** Kills the program (SIGKILL) as soon as its output holds this. */
  killAt?: RegExp
  /** In a terminal of its own: these keys are pressed, each as soon as the output holds its question. */
  typed?: { at: RegExp; keys: string }[]
}

/** With wrangler 'real' the project's own; else the recorded one, which is much faster. */
export async function openDeployLab({ accountNames, wrangler }: LabOptions = {}): Promise<DeployLab> {
  const cloudflare = await startCloudflare(accountNames)
  const folder = mkdtempSync(join(tmpdir(), 'deploy-lab-'))
  const stateFile = join(folder, 'state.json')
  // wrangler wants it beside the project's own configuration.
  const configFile = `wrangler.deploy.${process.pid}.toml`
  removeAtEnd(join(ROOT, configFile))
  // The deployed Worker: answers /healthz once something was uploaded.
  const doctor = { status: 200, report: {} as unknown }
  const worker = createServer((request, response) => {
    if (request.url === '/doctor') {
      response.writeHead(doctor.status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(doctor.report))
      return
    }
    if (request.url === '/pairing') {
      const isOwner = request.headers.authorization === `Bearer ${'o'.repeat(32)}`
      response.writeHead(isOwner ? 201 : 401, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify(isOwner ? { code: 'K7QM-2XPT', expires_at: '2026-11-23T10:10:00.000Z' } : {}),
      )
      return
    }
    const isUp = cloudflare.accounts.some(({ workers }) =>
      [...workers.values()].some(({ hasCode }) => hasCode),
    )
    response.writeHead(isUp ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ ok: true, version: '0.1.0', problems: [] }))
  })
  await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve))
  const address = worker.address()
  const at = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  return {
    cloudflare,
    stateFile,
    doctor,
    async run(script, args = [], { env = {}, answers = '', killAt, typed } = {}) {
      const program = [
        process.execPath,
        '--import',
        join(ROOT, 'test/world/cloudflare/workers-dev.ts'),
        join(ROOT, script),
        ...args,
      ]
      const [command = '', ...rest] =
        typed === undefined ? program : ['python3', '-c', IN_TERMINAL, ...program]
      const child = spawn(command, rest, {
        cwd: ROOT,
        detached: true,
        env: {
          PATH: process.env['PATH'],
          HOME: folder,
          NO_COLOR: '1',
          CLOUDFLARE_API_BASE_URL: cloudflare.url,
          CLOUDFLARE_API_TOKEN: cloudflare.token,
          RUNTIME_STATE_FILE: stateFile,
          RUNTIME_CONFIG_FILE: configFile,
          RUNTIME_HEALTH_PATIENCE_MS: '20000',
          WORKERS_DEV_AT: at,
          ...(wrangler === 'real'
            ? {}
            : { RUNTIME_WRANGLER: join(ROOT, 'test/world/cloudflare/wrangler.ts') }),
          ...env,
        },
      })
      let output = ''
      const keys = [...(typed ?? [])]
      const take = (chunk: Buffer) => {
        output += chunk.toString()
        while (keys[0]?.at.test(output) === true) child.stdin.write(keys.shift()?.keys ?? '')
        // The whole group: a wrangler in the middle of a call dies with it, as at a lost terminal.
        if (killAt?.test(output) === true && child.pid !== undefined) kill(child.pid)
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      child.stdin.on('error', () => {})
      if (typed === undefined) child.stdin.end(answers)
      return new Promise((resolve) => {
        child.once('close', (code, signal) => resolve({ code, signal, output }))
      })
    },
    async close() {
      await cloudflare.close()
      worker.closeAllConnections()
      await new Promise((resolve) => worker.close(resolve))
      rmSync(folder, { recursive: true, force: true })
      rmSync(join(ROOT, configFile), { force: true })
    },
  }
}

function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it ended by itself in between
  }
}
