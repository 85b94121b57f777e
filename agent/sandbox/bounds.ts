// Bounds of one sandbox, so that one plan cannot starve the machine. Processes and temporary files are bounded everywhere, memory
// where the machine lets us make control groups (version 2).
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

const Bounds = z.object({
  /** Most processes and threads of one user. */
  processes: z.int().positive(),
  /** Most memory of one sandbox, in MB. */
  memoryMb: z.int().positive(),
  /** Most MB in each temporary folder. */
  tempMb: z.int().positive(),
})
export type Bounds = z.infer<typeof Bounds>

const PROCESSES_PER_GB = 512
const FEWEST_PROCESSES = 1_024
const MOST_PROCESSES = 16_384
const MB = 1_048_576

/** Returns the bounds for a machine of this size; RALPH_BOUNDS overrides some. Errors: throws when it is no JSON object of bounds. */
export function readBounds(env: NodeJS.ProcessEnv = process.env, memoryBytes = totalmem()): Bounds {
  const memoryMb = Math.floor(memoryBytes / MB)
  const processes = Math.floor((memoryMb / 1_024) * PROCESSES_PER_GB)
  const given: Record<string, unknown> = JSON.parse(env['RALPH_BOUNDS'] ?? '{}')
  return Bounds.parse({
    processes: Math.min(MOST_PROCESSES, Math.max(FEWEST_PROCESSES, processes)),
    memoryMb: Math.max(1, Math.floor(memoryMb * 0.75)),
    tempMb: Math.max(64, Math.floor(memoryMb / 4)),
    ...given,
  })
}

const GROUPS = '/sys/fs/cgroup'

/** Groups of the sandboxes that run now. */
const inUse = new Set<string>()
let made = 0

/** Makes a control group of its own with these bounds: what an ended sandbox left in its group counts no more. Returns its folder; null where the machine has none that we may write. */
export function makeGroup(name: string, { processes, memoryMb }: Bounds, root = GROUPS): string | null {
  try {
    const known = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ')
    if (!known.includes('memory') || !known.includes('pids')) return null
    const all = join(root, 'ralph')
    const own = join(all, `${name}.${process.pid}-${made++}`)
    mkdirSync(all, { recursive: true })
    for (const old of readdirSync(all, { withFileTypes: true }))
      if (old.isDirectory() && !inUse.has(join(all, old.name))) remove(join(all, old.name))
    inUse.add(own)
    mkdirSync(own)
    for (const folder of [root, all]) writeFileSync(join(folder, 'cgroup.subtree_control'), '+memory +pids')
    writeFileSync(join(own, 'memory.max'), `${memoryMb * MB}`)
    writeFileSync(join(own, 'pids.max'), `${2 * processes}`)
    return own
  } catch {
    return null // read-only, or in use in another way: the bound on processes holds all the same
  }
}

/** Removes an empty control group. One that still holds an ending process is removed when the next group is made. */
export function dropGroup(folder: string | null): void {
  if (folder === null) return
  inUse.delete(folder)
  remove(folder)
}

function remove(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // still in use
  }
}
