// What the machine says about itself.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statfsSync } from 'node:fs'

/** One boot of this machine: the kernel's boot id and when the first process began, since a sandbox shares its host's kernel. */
export function bootId(): string {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const afterName = readFileSync('/proc/1/stat', 'utf8').split(') ').at(-1) ?? ''
    return `${id}-${afterName.split(' ')[19] ?? '0'}`.slice(0, 64)
  } catch {
    return 'no-boot-id' // not Linux: a machine for trying things out
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
