// Starts the whole product on one machine: the stand-ins in this process, the Worker as its child, computers as sandboxes.
// `npm run dev`, the demo and the end-to-end tests use it.
import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { startControl } from './control.ts'
import { startGitHost } from './git/server.ts'
import { startGithub } from './github/server.ts'
import { endLeftovers } from './leftovers.ts'
import { lockStateDir, wipeStateDir } from './lock.ts'
import { startModel } from './model/server.ts'
import { VIOLATIONS_FILE } from './model/violations.ts'
import { readRegistries } from './orgo/registries.ts'
import { startOrgo } from './orgo/server.ts'
import { demandFree } from './ports.ts'
import { readRealServices, secretsOf } from './real-services.ts'
import type { RealServices } from './real-services.ts'
import { createSecretWatch } from './secrets.ts'
import { loadSettings } from './settings.ts'
import type { StackSettings } from './settings.ts'
import { startVmTap } from './vm-tap.ts'
import { startWorker } from './worker-process.ts'
import type { WorkerProcess } from './worker-process.ts'
import { ROOT } from './child-groups.ts'

export interface WorldOptions {
  stateDir: string
  /** The Worker's port. undefined: as last time, else 8787. 0: free ports. */
  port?: number
  fresh?: boolean
  vmImage?: 'desktop' | 'bare'
  unsafeNoSandbox?: boolean
  /** Use the real services whose keys are in .dev.vars. */
  useDevVars?: boolean
  live?: LiveServices
  log: (line: string) => void
  /** Called as parts of the stack are ready, for who watches the start. */
  progress?: (what: string, detail: string) => void
}

/** For `npm run test:live`: the real services instead of stand-ins, and a way for real VMs to reach this machine. */
export interface LiveServices {
  ORGO_API_KEY: string
  ANTHROPIC_API_KEY: string
  GIT_CREDENTIALS: string
  /** Returns a public address for the tap at this loopback address. */
  reach: (tapUrl: string) => Promise<string>
}

/** What `npm run dev -- --json` prints. */
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
  /** Names of the real services in use. When empty, nothing reaches the outside. */
  realServices: string[]
  stateDir: string
  /** Makes a new pairing code for the OAuth login, valid ten minutes and once. The code before it becomes invalid. */
  pairingCode: () => Promise<string>
  close: () => Promise<void>
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const stateDir = resolve(options.stateDir)
  const unlock = lockStateDir(stateDir)
  try {
    endLeftovers(stateDir, ROOT)
    if (options.fresh === true) wipeStateDir(stateDir)
    const settings = await loadSettings(stateDir, options.port)
    await demandFree(settings.ports)
    const world = await startParts(options, stateDir, settings)
    return {
      ...world,
      async close() {
        await world.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

async function startParts(options: WorldOptions, stateDir: string, settings: StackSettings): Promise<World> {
  const { ports, secrets, testerToken, controlPath } = settings
  const { live } = options
  const real: RealServices =
    live ?? (options.useDevVars === true ? readRealServices(join(ROOT, '.dev.vars')) : {})
  if (real.ORGO_API_KEY !== undefined && real.VM_URL === undefined && live === undefined)
    options.log(
      `Computers at Orgo cannot reach 127.0.0.1: open a tunnel to port ${ports.tap} and put its address into .dev.vars as VM_URL.`,
    )
  execFileSync(process.execPath, [join(ROOT, 'agent/build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] })
  options.progress?.('The agent is built', 'one file, which each VM fetches')

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
    const watch = createSecretWatch({ ...secrets, ...secretsOf(real) })
    const orgo = await opened(
      startOrgo({
        port: ports.orgo,
        stateDir: join(stateDir, 'orgo'),
        apiKey: secrets.ORGO_API_KEY,
        nodeBinary: join(ROOT, 'node_modules/node/bin/node'),
        onVmBytes: (where, bytes) => watch.stream(`Orgo ${where}`)(bytes),
        log: options.log,
        registries: readRegistries(process.env, options.log),
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
        violationsFile: join(stateDir, VIOLATIONS_FILE),
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
    options.progress?.(
      'The stand-ins are up',
      `VMs are ${orgo.sandboxKind === 'bwrap' ? 'bubblewrap sandboxes' : 'plain processes'}; git, GitHub and the model are played too`,
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
    options.progress?.('The Worker starts', 'workerd, with a local database and objects')
    holder.worker = await opened(
      startWorker({
        port: ports.worker,
        stateDir,
        log: options.log,
        vars: {
          LOCAL: 'true',
          PUBLIC_URL: baseUrl,
          VM_URL: live === undefined ? (real.VM_URL ?? tap.url) : await live.reach(tap.url),
          ORGO_API_URL: real.ORGO_API_KEY === undefined ? orgo.url : 'https://www.orgo.ai/api',
          ORGO_API_KEY: real.ORGO_API_KEY ?? secrets.ORGO_API_KEY,
          ANTHROPIC_BASE_URL: real.ANTHROPIC_API_KEY === undefined ? model.url : 'https://api.anthropic.com',
          ANTHROPIC_API_KEY: real.ANTHROPIC_API_KEY ?? secrets.ANTHROPIC_API_KEY,
          GITHUB_API_URL: live === undefined ? github.url : '',
          NODE_DIST_URL: real.ORGO_API_KEY === undefined ? orgo.nodeDistUrl : '',
          GIT_CREDENTIALS: [
            `http://x-access-token:${secrets.GIT_TOKEN}@127.0.0.1:${ports.git}`,
            ...(real.GIT_CREDENTIALS === undefined ? [] : [real.GIT_CREDENTIALS]),
          ].join('\n'),
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
    const realServices = [
      ...(real.ORGO_API_KEY === undefined ? [] : ['Orgo']),
      ...(real.ANTHROPIC_API_KEY === undefined ? [] : ['the Anthropic API']),
    ]
    return { urls, realServices, stateDir, pairingCode: () => makePairingCode(urls), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function makePairingCode({ base_url, owner_token }: WorldUrls): Promise<string> {
  const response = await fetch(`${base_url}/pairing`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner_token}` },
    signal: AbortSignal.timeout(10_000),
  })
  const body: unknown = await response.json()
  if (typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string')
    return body.code
  throw new Error(`The Worker made no pairing code: it answered ${response.status}.`)
}
