// What the workerd that this process started keeps in memory, by Linux's own count.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Whether this system tells it. */
export const canMeasureMemory = existsSync('/proc/self/clear_refs')

/** Megabytes by which the Worker's resident memory grew at most while `work` ran, above where it stood before. */
export async function measureGrowthMb(work: () => Promise<void>): Promise<number> {
  const pid = findWorkerd()
  writeFileSync(`/proc/${pid}/clear_refs`, '5') // the peak is counted from here
  const before = megabytes(pid, 'VmRSS')
  await work()
  return megabytes(pid, 'VmHWM') - before
}

function megabytes(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
}

function findWorkerd(): number {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [, command, parent] = /\((.*)\) \S (\d+)/.exec(statOf(name)) ?? []
      return command === 'workerd' && Number(parent) === process.pid ? [Number(name)] : []
    })
  const [pid] = found
  if (pid === undefined) throw new Error('This process started no workerd.')
  return pid
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return '' // it ended meanwhile
  }
}
