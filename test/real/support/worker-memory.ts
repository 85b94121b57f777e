// What a process keeps in memory, by Linux's own count.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Whether this system tells it. */
export const canMeasureMemory = existsSync('/proc/self/clear_refs')

/** Megabytes by which its resident memory grew at most while `work` ran, above where it stood before. */
export async function measureGrowthMb(pid: number, work: () => Promise<void>): Promise<number> {
  writeFileSync(`/proc/${pid}/clear_refs`, '5') // the peak is counted from here
  const before = megabytes(pid, 'VmRSS')
  await work()
  return megabytes(pid, 'VmHWM') - before
}

function megabytes(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
}
