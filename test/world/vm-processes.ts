// What the processes inside local VMs were started with. Linux only: elsewhere the disks and the wire have to do.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export type VmProcess = { pid: string; bytes: Buffer }

/** `dirs`: the computers' disks. A process is a VM's when it lives in another pid namespace, or in one of their homes. */
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
        return [] // ended meanwhile, or another user's
      }
    })
}
