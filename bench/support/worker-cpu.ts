// Processor time of a process of workerd, as the kernel counts it: its JavaScript and its own work for sockets and storage
// together, so more than the platform counts.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { commandLine, fieldsAfterName, isOurs } from '../../test/e2e/support/processes.ts'

const ROOT = join(import.meta.dirname, '../..')
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

export function cpuMs(pid: number): number {
  const fields = fieldsAfterName(pid)
  // utime and stime are fields 14 and 15 of proc(5); the fields after the name begin with field 3.
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND
}

/** Returns the milliseconds for one call, of `calls` made one after the other when all is warm. */
export async function cpuOf(pid: number, calls: number, ask: () => Promise<unknown>): Promise<number> {
  for (let call = 0; call < Math.max(3, calls / 10); call++) await ask()
  const before = cpuMs(pid)
  for (let call = 0; call < calls; call++) await ask()
  return (cpuMs(pid) - before) / calls
}

/** Returns the process that runs the product's Worker among our own descendants; wrangler's other one has no inspector. */
export function ownWorkerd(): number {
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    const line = commandLine(pid)
    if (line.includes('/workerd') && line.includes('--inspector-addr') && isOurs(pid)) return pid
  }
  throw new Error('no workerd of ours runs')
}

/** The baseline: a Worker that answers with one word. */
export async function startEmptyWorker(): Promise<{ url: string; pid: number } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'empty-worker-'))
  writeFileSync(join(folder, 'worker.js'), 'export default { fetch: () => new Response("ok") }\n')
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2026-11-02"))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  )
  const child = spawn(
    join(ROOT, 'node_modules/workerd/bin/workerd'),
    ['serve', 'config.capnp', '--control-fd=3'],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] },
  )
  const control = child.stdio[3]
  if (control === null || control === undefined || child.pid === undefined) throw new Error('no workerd')
  const [line] = z.tuple([z.instanceof(Buffer)]).parse(await once(control, 'data'))
  const { port } = z.object({ port: z.number() }).parse(JSON.parse(String(line)))
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await once(child, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
