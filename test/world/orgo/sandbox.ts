// The interface between Orgo's rules (computers.ts) and what runs a computer: bwrap.ts, or plain.ts where
// bubblewrap is missing.

import type { Image } from './model.ts'

export type BootInput = {
  id: string
  diskDir: string
  /** Folder for the files of one boot that are not part of the disk. */
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
  /** Ends every process of the machine and resolves when all have ended. */
  kill(): Promise<void>
  /** Errors: throws when this sandbox cannot model a full disk. */
  setDiskFull(isFull: boolean): Promise<void>
}

export type Invocation = { argv: string[]; env: Record<string, string> }

export type Sandbox = {
  kind: 'bwrap' | 'process'
  /** Warnings for a reader of the log, for instance that users cannot be added. */
  warnings: string[]
  /** Makes the disk's folder and its first files. */
  format(diskDir: string, image: Image): Promise<void>
  boot(input: BootInput): Promise<Machine>
}
