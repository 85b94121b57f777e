// The simplest computer, used where bubblewrap is missing: plain child processes with a HOME of their own. No private
// file system, no users, no boot id; killing and freezing work by a mark every child inherits in its environment.

import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { isNotStopped, isStopped, pidsWithEnvironment, signalAll } from './processes.ts'
import { OrgoError } from './model.ts'
import { writeNodeTools } from './node-tools.ts'
import { toBundle, toNpmrc } from './registries.ts'
import type { Registries } from './registries.ts'
import type { BootInput, Machine, Sandbox } from './sandbox.ts'

export type PlainOptions = { stateDir: string; nodeBinary: string; registries: Registries }

export function createPlainSandbox(options: PlainOptions): Sandbox {
  const { nodeBinary } = options
  const programDir = join(options.stateDir, 'images/plain/bin')
  writePrograms(programDir, options)
  const path = [programDir, dirname(nodeBinary), process.env['PATH'] ?? '/usr/bin:/bin'].join(delimiter)
  return {
    kind: 'process',
    warnings: [
      'bubblewrap is missing or unusable: computers are plain processes of this user that see the whole host; ' +
        'image "bare" is not bare, users cannot be added, the boot id does not change. Install bubblewrap.',
    ],
    async format(diskDir) {
      mkdirSync(join(diskDir, 'root'), { recursive: true, mode: 0o700 })
    },
    boot: (input) => bootPlain(input, path),
  }
}

/** npm and its kin; without an /etc of the computer's own, they are told by variables how registries are reached. */
function writePrograms(dir: string, { nodeBinary, registries }: PlainOptions): void {
  const [npmrc, bundle] = [join(dir, '../npmrc'), join(dir, '../ca-certificates.crt')]
  writeNodeTools(dir, nodeBinary, {
    NPM_CONFIG_GLOBALCONFIG: npmrc,
    ...(registries.certificates.length === 0 ? {} : { NODE_EXTRA_CA_CERTS: bundle }),
  })
  writeFileSync(npmrc, toNpmrc(registries, bundle))
  writeFileSync(bundle, toBundle(registries))
}

async function bootPlain(input: BootInput, path: string): Promise<Machine> {
  const mark = `ORGO_COMPUTER=${input.id}`
  const pids = () => pidsWithEnvironment(mark)
  // A killed stand-in leaves processes of the last boot behind, because these do not end with their parent.
  await signalAll(pids, 'SIGKILL', () => false)
  const home = join(input.diskDir, 'root')
  const env = {
    HOME: home,
    PATH: path,
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
