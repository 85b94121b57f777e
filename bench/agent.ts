// `npm run bench -- agent [--runs N]`: measures what the agent costs the machine it runs on, with a bare Node as the baseline:
// time from start to ready (its socket answers), memory of an idle supervisor, size of the one file. It asserts nothing.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { values } from './flags.ts'
import { createVm, until } from '../test/real/support/vm.ts'
import type { TestVm } from '../test/real/support/vm.ts'

/** By then the garbage of the start has been collected as far as it will be. */
const SETTLE_MS = 10_000
/** Linux counts processor time in hundredths of a second. */
const MS_PER_TICK = 10
const runs = values.runs ?? 7

const [ready, cpu, bare, idle]: [number[], number[], number[], Memory[]] = [[], [], [], []]
for (let run = 0; run < runs; run++) {
  bare.push(await timeBareNode())
  await using vm = await createVm()
  const { child, ms } = await startSupervisor(vm)
  ready.push(ms)
  cpu.push(cpuMs(child))
  if (run < 3) idle.push(await measureIdle(vm, child))
  child.kill('SIGKILL')
  await once(child, 'exit')
}
const file = readFileSync(join(import.meta.dirname, '../dist/assets/ralph.mjs'))
console.log(`| Ralph on the VM (Node ${process.versions.node}, ${runs} runs) | median | highest |
| --- | --- | --- |
| start to ready | ${cells(ready, 'ms')} |
| processor time until then | ${cells(cpu, 'ms')} |
| of which a bare Node (\`node -e 0\`) | ${cells(bare, 'ms')} |
| idle supervisor, resident (RSS) | ${cells(
  idle.map(({ rss }) => rss),
  'MB',
)} |
| idle supervisor, its own share (PSS) | ${cells(
  idle.map(({ pss }) => pss),
  'MB',
)} |
| ralph.mjs | ${(file.byteLength / 1_000).toFixed(0)} KB | ${(gzipSync(file).byteLength / 1_000).toFixed(0)} KB gzipped |`)

async function startSupervisor(vm: TestVm): Promise<{ child: ChildProcess; ms: number }> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [join(vm.folder, 'opt/ralph.mjs'), 'supervise'], {
    env: {
      PATH: process.env['PATH'],
      HOME: join(vm.folder, 'root'),
      RALPH_HOME: vm.ralph,
      RALPH_SRV: vm.workspace,
      RALPH_PLAN_HOMES: join(vm.folder, 'home'),
    },
    stdio: 'ignore',
  })
  while (!(await answers(join(vm.ralph, 'supervisor.sock')))) await sleep(2)
  return { child, ms: performance.now() - startedAt }
}

/** Returns user and system time so far in milliseconds; a busy machine does not stretch it. */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

/** Asks as a doorbell does: one line in, one line out. */
async function answers(socketFile: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = createConnection(socketFile)
  socket.once('error', () => resolve(false))
  socket.once('connect', () => socket.write('bench\n'))
  socket.once('data', () => resolve(true))
  const answered = await promise
  socket.destroy()
  return answered
}

interface Memory {
  rss: number
  pss: number
}

/** Returns megabytes, after the first sync, while nothing is open. */
async function measureIdle(vm: TestVm, { pid }: ChildProcess): Promise<Memory> {
  const synced = vm.worker.syncs.length
  await vm.ring()
  await until(() => vm.worker.syncs.length > synced, 'a sync')
  await sleep(SETTLE_MS)
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) / 1_024
  return { rss: megabytes('Rss'), pss: megabytes('Pss') }
}

async function timeBareNode(): Promise<number> {
  const startedAt = performance.now()
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
  return performance.now() - startedAt
}

function cells(numbers: number[], unit: string): string {
  const sorted = numbers.toSorted((a, b) => a - b)
  const [median = 0, highest = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
  return `${median.toFixed(0)} ${unit} | ${highest.toFixed(0)} ${unit}`
}
