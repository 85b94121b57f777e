// Starts one of the Workers of test/worker/support in workerd alone, which is as close to the platform as one machine gets:
// `wrangler dev` puts a second workerd and a Node process in front, and Miniflare's harness sends outgoing requests through Node's
// fetch, which follows redirects and buffers.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { z } from 'zod'

const ROOT = join(import.meta.dirname, '../../..')
const Listening = z.object({ event: z.literal('listen'), port: z.number() })

export interface PlainWorker {
  url: string
  /** The process id of workerd. */
  pid: number
  close(): Promise<void>
}

/**
 * gateway-worker has the gateway in front of a scripted object, gateway-object-worker in front of the real one: with its objects on
 * disk and without D1, to which its alarm would write. `root`: where the sources lie.
 */
export async function startPlainWorker(
  vars: Record<string, string>,
  which: 'gateway-worker' | 'gateway-object-worker',
  root = ROOT,
): Promise<PlainWorker> {
  // The folder is in memory where possible, because the gateway is measured and not this machine's disk.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'plain-workerd-'))
  mkdirSync(join(folder, 'objects'))
  await build({
    entryPoints: [join(root, `test/worker/support/${which}.ts`)],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    logLevel: 'error',
  })
  writeFileSync(
    join(folder, 'config.capnp'),
    configOf(vars, which === 'gateway-worker' ? ['Workspace'] : ['Workspace', 'Account']),
  )
  const child = spawn(
    join(ROOT, 'node_modules/workerd/bin/workerd'),
    ['serve', 'config.capnp', '--control-fd=3', '--experimental'],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] },
  )
  const control = child.stdio[3]
  if (control === null || control === undefined || child.pid === undefined) throw new Error('no workerd')
  const [line] = z.tuple([z.instanceof(Buffer)]).parse(await once(control, 'data'))
  const { port } = Listening.parse(JSON.parse(String(line)))
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async close() {
      child.kill('SIGKILL')
      await once(child, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configOf(vars: Record<string, string>, classes: string[]): string {
  const bindings = Object.entries(vars).map(
    ([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    (name = "objects", disk = (path = "objects", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-02",
  bindings = [
    ${[...bindings, ...classes.map((type) => `(name = "${type.toUpperCase()}", durableObjectNamespace = "${type}")`)].join(',\n    ')},
  ],
  durableObjectNamespaces = [
    ${classes.map((type) => `(className = "${type}", uniqueKey = "${type}", enableSql = true)`).join(',\n    ')},
  ],
  durableObjectStorage = (localDisk = "objects"),
);
`
}
