// The port between Orgo's rules (computers.ts) and whatever runs a computer: bwrap.ts, or plain.ts where
// bubblewrap is missing.

import type { Image } from './model.ts'

export type BootInput = {
  id: string
  diskDir: string
  /** Holds the per-boot files that are not part of the disk. */
  runDir: string
  image: Image
  bootId: string
  /** Called once when the machine has ended, by `kill` or by itself. */
  onExit: () => void
}

/** One boot of one computer. */
export type Machine = {
  /** The host command that runs `bash -c command` inside, as root, in /root. */
  enter(command: string): Invocation
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Every process of the machine is gone when it resolves. */
  kill(): Promise<void>
  /** Errors: throws when this sandbox cannot model a full disk. */
  setDiskFull(isFull: boolean): Promise<void>
}

export type Invocation = { argv: string[]; env: Record<string, string> }

export type Sandbox = {
  kind: 'bwrap' | 'process'
  /** What a reader of the log must know, for instance that users cannot be added. */
  warnings: string[]
  /** Makes the disk's folder and its first files. */
  format(diskDir: string, image: Image): Promise<void>
  boot(input: BootInput): Promise<Machine>
}
