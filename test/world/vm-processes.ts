// Reads the arguments and environments of processes inside local VMs (Linux only). Elsewhere only disks and network are searched.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export type VmProcess = { pid: string; bytes: Buffer }

/** `dirs` are the computers' disks. A process belongs to a VM when it is in another pid namespace or in one of their homes. */
export function vmProcesses(dirs: string[]): VmProcess[] {
  if (process.platform !== 'linux') return []
  const own = readlinkSync('/proc/self/ns/pid')
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const bytes = Buffer.concat([
          readFileSync(`/proc/${pid}/environ`),
          readFileSync(`/proc/${pid}/cmdline`),
        ])
        const isInside = readlinkSync(`/proc/${pid}/ns/pid`) !== own
        return isInside || dirs.some((dir) => bytes.includes(dir)) ? [{ pid, bytes }] : []
      } catch {
        return [] // the process has ended or belongs to another user
      }
    })
}
