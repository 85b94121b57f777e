// The local Orgo: its API over HTTP, real sandboxes behind it, and the downloads that a new computer fetches (Node's
// archive, the Debian archive's front page). It follows Orgo's documents of 2026 and has never been compared with the
// real service.

import { mkdirSync, realpathSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createApi } from './api.ts'
import { chooseSandbox } from './choose-sandbox.ts'
import { createComputers } from './computers.ts'
import { createControl } from './control.ts'
import { createFaults } from './faults.ts'
import type { OrgoEnv } from './faults.ts'
import { defaultProfile } from './model.ts'
import type { Image, OrgoProfile } from './model.ts'
import { createNodeDist } from './node-dist.ts'
import { noRegistries } from './registries.ts'
import type { Registries } from './registries.ts'
import { openStore } from './store.ts'
import { listen, shut } from '../listen.ts'

export type StartOrgoOptions = {
  /** 0 takes any free port. */
  port: number
  stateDir: string
  apiKey: string
  /** The project's own Node, for computers of the default image and for the download folder. */
  nodeBinary: string
  /** Called with every byte that the API sends into a VM. */
  onVmBytes?: (where: string, bytes: Uint8Array) => void
  sandbox?: 'auto' | 'bwrap' | 'process'
  log?: (line: string) => void
  defaultImage?: Image
  profile?: Partial<OrgoProfile>
  /** How computers reach package registries; undefined: as a machine with nothing in between. */
  registries?: Registries
}

export type OrgoStandIn = {
  /** Address with /api, without a slash at the end. */
  url: string
  /** Replaces https://nodejs.org/dist. */
  nodeDistUrl: string
  sandboxKind: 'bwrap' | 'process'
  control: Hono
  /** Host path of each computer's disk; its root home is `root` below that. */
  computerDirs(): { id: string; name: string; dir: string }[]
  /** Ends every process. The state stays, and the next start boots the computers that ran. */
  close(): Promise<void>
}

/** Errors: rejects when the port is taken, or when bwrap was asked for and does not work here. */
export async function startOrgo(options: StartOrgoOptions): Promise<OrgoStandIn> {
  const log = options.log ?? ((line: string) => console.error(line))
  const profile = { ...defaultProfile, ...options.profile }
  mkdirSync(options.stateDir, { recursive: true, mode: 0o755 })
  const stateDir = realpathSync(options.stateDir)

  const app = new Hono<OrgoEnv>()
  // The server listens before the routes exist, because booting computers need its port. Hono takes no routes after a first
  // request.
  let isReady = false
  const server = createAdaptorServer({
    fetch: (request, env) => (isReady ? app.fetch(request, env) : new Response('starting', { status: 503 })),
  }) as Server // without TLS options the adapter makes a plain HTTP/1 server
  const origin = await listen(server, options.port)
  try {
    const sandbox = await chooseSandbox({
      wanted: options.sandbox ?? 'auto',
      stateDir,
      nodeBinary: options.nodeBinary,
      archiveUrl: () => `${origin}/debian`,
      registries: options.registries ?? noRegistries(),
      log,
    })
    for (const warning of sandbox.warnings) log(`orgo: ${warning}`)
    const store = openStore(stateDir)
    const onVmBytes = options.onVmBytes ?? (() => {})
    const computers = createComputers({ store, sandbox, profile, log, onVmBytes })
    const faults = createFaults()
    const { apiKey, defaultImage = 'desktop' } = options
    app.use('*', faults.middleware)
    app.route('/api', createApi({ apiKey, store, computers, profile, defaultImage, log }))
    app.route('/dist', createNodeDist(options.nodeBinary))
    // This only shows that the archive can be reached. The packages themselves come from the host (apt-get.sh).
    app.get('/debian/*', (c) => c.text('the Debian archive, as far as this world has one\n'))
    isReady = true
    return {
      url: `${origin}/api`,
      nodeDistUrl: `${origin}/dist`,
      sandboxKind: sandbox.kind,
      control: createControl(computers, faults),
      computerDirs: () =>
        computers.list().map(({ id, name }) => ({ id, name, dir: join(store.computerDir(id), 'disk') })),
      async close() {
        await computers.close()
        await shut(server)
      },
    }
  } catch (error) {
    await shut(server)
    throw error
  }
}
