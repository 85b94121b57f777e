// The simplest computer, used where bubblewrap is missing: plain child processes with a HOME of their own. No private
// file system, no users, no boot id; killing and freezing work by a mark every child inherits in its environment.

import { mkdirSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { isNotStopped, isStopped, pidsWithEnvironment, signalAll } from './processes.ts'
import { OrgoError } from './model.ts'
import type { BootInput, Machine, Sandbox } from './sandbox.ts'

export function createPlainSandbox(nodeBinary: string): Sandbox {
  return {
    kind: 'process',
    warnings: [
      'bubblewrap is missing or unusable: computers are plain processes of this user that see the whole host; ' +
        'image "bare" is not bare, users cannot be added, the boot id does not change. Install bubblewrap.',
    ],
    async format(diskDir) {
      mkdirSync(join(diskDir, 'root'), { recursive: true, mode: 0o700 })
    },
    boot: (input) => bootPlain(input, nodeBinary),
  }
}

async function bootPlain(input: BootInput, nodeBinary: string): Promise<Machine> {
  const mark = `ORGO_COMPUTER=${input.id}`
  const pids = () => pidsWithEnvironment(mark)
  // A killed stand-in leaves processes of the last boot behind, because these do not end with their parent.
  await signalAll(pids, 'SIGKILL', () => false)
  const home = join(input.diskDir, 'root')
  const env = {
    HOME: home,
    PATH: [dirname(nodeBinary), process.env['PATH'] ?? '/usr/bin:/bin'].join(delimiter),
    DISPLAY: ':99',
    ORGO_COMPUTER: input.id,
  }
  return {
    enter: (command) => ({
      argv: ['/bin/bash', '-c', 'umask 022; cd "$HOME"; exec /bin/bash -c "$1"', 'bash', command],
      env,
    }),
    freeze: () => signalAll(pids, 'SIGSTOP', isStopped),
    thaw: () => signalAll(pids, 'SIGCONT', isNotStopped),
    kill: () => signalAll(pids, 'SIGKILL', () => false),
    async setDiskFull(isFull) {
      if (isFull) throw new OrgoError(501, 'a full disk needs bubblewrap')
    },
  }
}
