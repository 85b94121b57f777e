// Reads facts about the machine: its boot, a file's hash, its free disk.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statfsSync } from 'node:fs'

/** Returns an id of this boot: the kernel's boot id and the start of process 1, because a sandbox shares its host's kernel. */
export function bootId(): string {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const afterName = readFileSync('/proc/1/stat', 'utf8').split(') ').at(-1) ?? ''
    return `${id}-${afterName.split(' ')[19] ?? '0'}`.slice(0, 64)
  } catch {
    return 'no-boot-id' // not Linux: used only for trying things out
  }
}

export function fileSha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

export function freeDiskMb(folder: string): number | undefined {
  if (!existsSync(folder)) return undefined
  const { bavail, bsize } = statfsSync(folder)
  return Math.floor((bavail * bsize) / (1024 * 1024))
}
