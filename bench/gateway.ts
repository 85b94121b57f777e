// `npm run bench -- gateway [--runs N] [--calls N]`: measures what the gateway costs compared with asking the same host directly,
// in the same run and in turns: clone and push of a large repository, the first byte of a model's stream, the Worker's memory. It
// exits with 1 below a target.
import { createObjectLab } from '../test/real/support/object-lab.ts'
import { canMeasureMemory, measureGrowthMb } from '../test/real/support/worker-memory.ts'
import { values } from './flags.ts'
import { createGitLanes } from './support/git-lanes.ts'
import type { Lane } from './support/git-lanes.ts'
import { timeFirstBytes } from './support/model-lanes.ts'
import { median, report } from './report.ts'

const CLONE_MB = 100
/** Below what the platform takes in one request. */
const PUSH_MB = 90
const MIN_RATIO = 0.9
const MAX_ADDED_MS = 5
const { runs: rounds = 5, calls = 200 } = values

const ratioOf = (times: Record<Lane, number[]>) => median(times.direct) / median(times.gateway)
const lab = await createObjectLab()
try {
  const lanes = await createGitLanes(lab, { cloneMb: CLONE_MB, pushMb: PUSH_MB, content: 'text' })
  // This comes first, while the Worker is fresh, because it keeps memory that it once took.
  const growth = {
    cloneMb: await grow(() => lanes.clone('gateway')),
    pushMb: await grow(() => lanes.push('gateway')),
  }
  const clone = await inTurns((lane) => lanes.clone(lane), rounds)
  const push = await inTurns((lane) => lanes.push(lane), rounds)
  const bare = await createGitLanes(lab, { cloneMb: CLONE_MB, pushMb: PUSH_MB, content: 'random' })
  const bareClone = await inTurns((lane) => bare.clone(lane), rounds)
  const barePush = await inTurns((lane) => bare.push(lane), rounds)
  const model = await timeFirstBytes(lab, calls)
  const ratios = { clone: ratioOf(clone), push: ratioOf(push) }
  const addedMs = median(model.gateway) - median(model.direct)
  const row = (what: string, times: Record<Lane, number[]>, target: string) =>
    `| ${what} | ${seconds(times.direct)} | ${seconds(times.gateway)} | ${ratioOf(times).toFixed(2)} | ${target} |`
  report({
    name: 'gateway',
    markdown: `Medians of ${rounds}, in turns; git host, client and Worker share the machine; packs of text, as repositories have them, and of
random bytes, where git has hardly anything to do but move them. The objects' storage is in memory: a disk of its own adds what it takes to
confirm one write (2 ms here), the platform what its replicas take.

| | direct | through the gateway | speed | target |
| --- | --- | --- | --- | --- |
${row(`clone of ${CLONE_MB} MB`, clone, `at least ${MIN_RATIO}`)}
${row(`push of ${PUSH_MB} MB`, push, `at least ${MIN_RATIO}`)}
${row(`clone of ${CLONE_MB} MB of random bytes`, bareClone, '–')}
${row(`push of ${PUSH_MB} MB of random bytes`, barePush, '–')}

| | direct | through the gateway | added | target |
| --- | --- | --- | --- | --- |
| first byte of a model stream (median of ${calls}) | ${median(model.direct).toFixed(1)} ms | ${median(model.gateway).toFixed(1)} ms | ${addedMs.toFixed(1)} ms | under ${MAX_ADDED_MS} ms |

The Worker's memory grew at most by ${Math.round(growth.cloneMb)} MB during a clone and ${Math.round(growth.pushMb)} MB during a push.`,
    figures: { clone, push, bareClone, barePush, model, ratios, addedMs, growth },
  })
  if (!(Math.min(ratios.clone, ratios.push) >= MIN_RATIO && addedMs < MAX_ADDED_MS)) process.exitCode = 1
} finally {
  await lab.close()
}

async function inTurns(
  lane: (which: Lane) => Promise<number>,
  runs: number,
): Promise<Record<Lane, number[]>> {
  const times: Record<Lane, number[]> = { direct: [], gateway: [] }
  const order: Lane[] = ['direct', 'gateway']
  for (const which of order) await lane(which) // caches and the just-in-time compiler are warm from here
  for (let run = 0; run < runs; run++)
    for (const which of run % 2 === 0 ? order : order.toReversed()) times[which].push(await lane(which))
  return times
}

async function grow(work: () => Promise<unknown>): Promise<number> {
  const { workerPid } = lab
  return canMeasureMemory ? measureGrowthMb(workerPid, async () => void (await work())) : Number.NaN
}

function seconds(times: number[]): string {
  return `${(median(times) / 1_000).toFixed(2)} s (${times.map((ms) => (ms / 1_000).toFixed(2)).join(', ')})`
}
