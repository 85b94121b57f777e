// The whole product on one machine: the stand-ins in this process, the Worker as its child, computers as sandboxes.
// Used by `npm run dev`, the demo and the end-to-end tests.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { startControl } from './control.ts'
import { startGitHost } from './git/server.ts'
import { startGithub } from './github/server.ts'
import { startModel } from './model/server.ts'
import { startOrgo } from './orgo/server.ts'
import { createSecretWatch } from './secrets.ts'
import { loadSettings } from './settings.ts'
import { startVmTap } from './vm-tap.ts'
import { startWorker } from './worker-process.ts'
import type { WorkerProcess } from './worker-process.ts'

const root = join(import.meta.dirname, '../..')

export interface WorldOptions {
  stateDir: string
  /** undefined: as last time, else 8787. 0: free ones. */
  port?: number
  fresh?: boolean
  vmImage?: 'desktop' | 'bare'
  unsafeNoSandbox?: boolean
  log: (line: string) => void
}

/** What `npm run dev -- --json` prints (SPEC section 2). */
export interface WorldUrls {
  mcp_url: string
  owner_token: string
  base_url: string
  orgo_url: string
  orgo_key: string
  git_url: string
  github_api_url: string
  model_url: string
  control_url: string
  webhook_secret: string
}

export interface World {
  urls: WorldUrls
  stateDir: string
  close: () => Promise<void>
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const stateDir = resolve(options.stateDir)
  if (options.fresh === true) rmSync(stateDir, { recursive: true, force: true })
  const { ports, secrets, testerToken, controlPath } = await loadSettings(stateDir, options.port)
  const real = realServices()
  execFileSync(process.execPath, [join(root, 'agent/build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] })

  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const one of closers.toReversed()) await one().catch((error: unknown) => options.log(String(error)))
  }
  const opened = async <T extends { close: () => Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const started = await starting
    closers.push(() => started.close())
    return started
  }
  try {
    const watch = createSecretWatch({ ...secrets, ...real })
    const orgo = await opened(
      startOrgo({
        port: ports.orgo,
        stateDir: join(stateDir, 'orgo'),
        apiKey: secrets.ORGO_API_KEY,
        nodeBinary: join(root, 'node_modules/node/bin/node'),
        onVmBytes: (where, bytes) => watch.stream(`Orgo ${where}`)(bytes),
        log: options.log,
        ...(options.vmImage === undefined ? {} : { defaultImage: options.vmImage }),
      }),
    )
    if (
      real.ANTHROPIC_API_KEY !== undefined &&
      real.ORGO_API_KEY === undefined &&
      orgo.sandboxKind === 'process' &&
      options.unsafeNoSandbox !== true
    )
      throw new Error(
        'A real model would run its commands on this machine without a sandbox. Install bubblewrap, or say --unsafe-no-sandbox.',
      )
    const model = await opened(
      startModel({
        port: ports.model,
        apiKey: secrets.ANTHROPIC_API_KEY,
        progressFile: join(stateDir, 'model-progress.json'),
      }),
    )
    const gitHost = await opened(
      startGitHost({
        port: ports.git,
        root: join(stateDir, 'git'),
        user: 'x-access-token',
        token: secrets.GIT_TOKEN,
        testerToken,
        log: options.log,
      }),
    )
    const baseUrl = `http://127.0.0.1:${ports.worker}`
    const github = await opened(
      startGithub({
        port: ports.github,
        gitHost,
        tokens: [secrets.GIT_TOKEN, testerToken],
        stateFile: join(stateDir, 'pull-requests.json'),
        webhook: { url: () => `${baseUrl}/webhooks/github`, secret: secrets.GITHUB_WEBHOOK_SECRET },
      }),
    )
    const tap = await opened(startVmTap({ port: ports.tap, workerPort: ports.worker, secrets: watch }))
    const holder: { worker: WorkerProcess | null } = { worker: null }
    const control = await opened(
      startControl({
        port: ports.control,
        path: controlPath,
        orgo,
        model,
        gitHost,
        github,
        secrets: watch,
        worker: () => {
          if (holder.worker === null) throw new Error('the Worker is still starting')
          return holder.worker
        },
      }),
    )
    holder.worker = await opened(
      startWorker({
        port: ports.worker,
        stateDir,
        vars: {
          LOCAL: 'true',
          PUBLIC_URL: baseUrl,
          VM_URL: tap.url,
          ORGO_API_URL: real.ORGO_API_KEY === undefined ? orgo.url : 'https://www.orgo.ai/api',
          ORGO_API_KEY: real.ORGO_API_KEY ?? secrets.ORGO_API_KEY,
          ANTHROPIC_BASE_URL: real.ANTHROPIC_API_KEY === undefined ? model.url : 'https://api.anthropic.com',
          ANTHROPIC_API_KEY: real.ANTHROPIC_API_KEY ?? secrets.ANTHROPIC_API_KEY,
          GITHUB_API_URL: github.url,
          NODE_DIST_URL: real.ORGO_API_KEY === undefined ? orgo.nodeDistUrl : '',
          GIT_CREDENTIALS: `http://x-access-token:${secrets.GIT_TOKEN}@127.0.0.1:${ports.git}`,
          OWNER_TOKEN: secrets.OWNER_TOKEN,
          TOKEN_KEY: secrets.TOKEN_KEY,
          GITHUB_WEBHOOK_SECRET: secrets.GITHUB_WEBHOOK_SECRET,
        },
      }),
    )
    const urls: WorldUrls = {
      mcp_url: `${baseUrl}/mcp`,
      owner_token: secrets.OWNER_TOKEN,
      base_url: baseUrl,
      orgo_url: orgo.url,
      orgo_key: secrets.ORGO_API_KEY,
      git_url: gitHost.url,
      github_api_url: github.url,
      model_url: model.url,
      control_url: control.url,
      webhook_secret: secrets.GITHUB_WEBHOOK_SECRET,
    }
    return { urls, stateDir, close }
  } catch (error) {
    await close()
    throw isPortTaken(error)
      ? new Error(
          `A port of this stack is taken: ${error.message}. Is another \`npm run dev\` running? Stop it, or choose \`-- --port N\`.`,
        )
      : error
  }
}

function isPortTaken(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

/** Keys in .dev.vars mean: the real service in place of its stand-in. */
function realServices(): { ORGO_API_KEY?: string; ANTHROPIC_API_KEY?: string } {
  const file = join(root, '.dev.vars')
  if (!existsSync(file)) return {}
  const found = parseEnv(readFileSync(file, 'utf8'))
  return Object.fromEntries(
    ['ORGO_API_KEY', 'ANTHROPIC_API_KEY'].flatMap((name) => (found[name] ? [[name, found[name]]] : [])),
  )
}
