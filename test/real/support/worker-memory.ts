// Measures a process's memory by the kernel's own count (Linux only).
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** True when this system can measure it. */
export const canMeasureMemory = existsSync('/proc/self/clear_refs')

/** Returns by how many megabytes the resident memory grew at most while `work` ran. */
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
