// Runs a computer as one bubblewrap sandbox: its disk is the root folder, the host's /usr is shared read-only, and the
// sandbox lives as long as its own first process. Every process in it is in one pid namespace, so that ending the
// first ends all, and nothing survives the stand-in (--die-with-parent).

import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fillDisk, freeDisk } from './full-disk.ts'
import { formatDisk, hostGitDir, makeProgramDir, refreshDisk } from './image.ts'
import type { Image } from './model.ts'
import { nodePackages } from './node-tools.ts'
import { isNotStopped, isStopped, pidsInNamespace, signalAll, trySignal } from './processes.ts'
import type { Registries } from './registries.ts'
import type { BootInput, Machine, Sandbox } from './sandbox.ts'
import { startFirstProcess } from './first-process.ts'

const VM_ENV = {
  HOME: '/root',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  DISPLAY: ':99',
}
// Root inside the sandbox shares the host's kernel and network, so the rights to change those are dropped.
const DROPPED =
  'sys_admin sys_module sys_boot sys_rawio sys_time mknod net_admin syslog mac_admin mac_override'
const WHOLE_PROC = '/orgo/proc'
// The project's folder is three above this one.
const PROJECT_DIR = resolve(import.meta.dirname, '../../..')

/** `root`: there are real users inside. `userns`: the caller is root inside and there is no other user. */
type BwrapMode = 'root' | 'userns'

export type BwrapOptions = {
  mode: BwrapMode
  stateDir: string
  nodeBinary: string
  archiveUrl: () => string
  registries: Registries
}

export function createBwrapSandbox(options: BwrapOptions): Sandbox {
  const gitDir = hostGitDir()
  const programDirs = new Map<Image, string>()
  const programDir = (image: Image): string => {
    const dir = programDirs.get(image) ?? join(options.stateDir, 'images', image, 'bin')
    if (!programDirs.has(image)) makeProgramDir(dir, image, gitDir)
    programDirs.set(image, dir)
    return dir
  }
  return {
    kind: 'bwrap',
    warnings:
      options.mode === 'root'
        ? []
        : ['not root: computers have no users but root, so plans cannot run as users of their own'],
    async format(diskDir, image) {
      formatDisk(diskDir, image)
      if (gitDir !== '') mkdirSync(join(diskDir, gitDir), { recursive: true })
    },
    async boot(input) {
      mkdirSync(join(input.diskDir, WHOLE_PROC), { recursive: true })
      refreshDisk({ ...options, ...input, archiveUrl: options.archiveUrl() })
      writeFileSync(join(input.runDir, 'boot_id'), `${input.bootId}\n`)
      const args = sandboxArgs({ ...options, ...input, programDir: programDir(input.image), gitDir })
      const first = await startFirstProcess(args, input.onExit)
      if (options.mode === 'root') mountWholeProc(first.pid)
      return createMachine(options.mode, first)
    },
  }
}

/**
 * The kernel gives a nested sandbox a /proc of its own only where it sees one that nothing covers, and bubblewrap covers parts of
 * each that it mounts. This one is read-only, and who has no right to mount outside of a user namespace cannot change that.
 */
function mountWholeProc(pid: number): void {
  const mount = ['mount', '-n', '-t', 'proc', '-o', 'ro,nosuid,nodev,noexec', 'proc', WHOLE_PROC]
  execFileSync('nsenter', ['-t', String(pid), '-m', '-p', ...mount], { stdio: 'ignore' })
}

type FirstProcess = Awaited<ReturnType<typeof startFirstProcess>>

function createMachine(mode: BwrapMode, first: FirstProcess): Machine {
  const target = ['-t', String(first.pid)]
  const nsenter =
    mode === 'root'
      ? ['nsenter', ...target, '-a']
      : ['nsenter', ...target, '-U', '-m', '-p', '-u', '-i', '--preserve-credentials']
  const drop = [
    'setpriv',
    '--bounding-set',
    DROPPED.split(' ')
      .map((name) => `-${name}`)
      .join(','),
  ]
  const pids = () => pidsInNamespace(first.pidNamespace)
  return {
    enter(command) {
      const shell = [
        '/bin/bash',
        '-c',
        'umask 022; cd /root || cd /; exec /bin/bash -c "$1"',
        'bash',
        command,
      ]
      const hasSetpriv = mode === 'root' && existsSync('/usr/bin/setpriv')
      return { argv: [...nsenter, ...(hasSetpriv ? drop : []), ...shell], env: VM_ENV }
    },
    freeze: () => signalAll(pids, 'SIGSTOP', isStopped),
    thaw: () => signalAll(pids, 'SIGCONT', isNotStopped),
    async kill() {
      trySignal(first.pid, 'SIGKILL')
      await first.ended
      await signalAll(pids, 'SIGKILL', () => false)
    },
    setDiskFull: (isFull) => (isFull ? fillDisk(nsenter) : freeDisk(nsenter)),
  }
}

type ArgsInput = BwrapOptions & BootInput & { programDir: string; gitDir: string }

function sandboxArgs(input: ArgsInput): string[] {
  const { diskDir, gitDir } = input
  const args = ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--hostname', 'orgo-desktop']
  args.push('--die-with-parent', '--new-session')
  if (input.mode === 'userns') args.push('--unshare-user', '--uid', '0', '--gid', '0')
  args.push('--bind', diskDir, '/')
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    if (lstatSync(`/${name}`, { throwIfNoEntry: false })?.isDirectory() === true)
      args.push('--ro-bind', `/${name}`, `/${name}`)
  }
  args.push('--ro-bind', '/usr', '/usr', '--ro-bind', '/usr', '/orgo/usr')
  for (const path of hiddenBelowUsr(input.stateDir)) args.push('--tmpfs', path, '--tmpfs', `/orgo${path}`)
  args.push('--bind', join(diskDir, 'usr/local'), '/usr/local', '--tmpfs', '/orgo/usr/local')
  args.push('--ro-bind', input.programDir, '/usr/bin')
  if (input.image === 'desktop') {
    args.push('--ro-bind', realpathSync(input.nodeBinary), '/usr/local/bin/node')
    for (const { name, dir } of nodePackages())
      args.push('--ro-bind', dir, `/usr/local/lib/node_modules/${name}`)
  }
  if (input.image === 'bare' && gitDir !== '') {
    args.push('--ro-bind', '/usr/bin/git', '/orgo/archive/git', '--ro-bind', gitDir, '/orgo/archive/git-core')
    args.push('--bind', join(diskDir, gitDir), gitDir)
  }
  args.push('--proc', '/proc', '--dev', '/dev', '--perms', '0755', '--tmpfs', '/run')
  args.push('--perms', '1777', '--tmpfs', '/dev/shm')
  // bwrap protects these only for callers that it considers unprivileged, but writing to them changes the host's kernel.
  for (const path of ['/proc/sys', '/proc/sysrq-trigger'].filter((it) => existsSync(it)))
    args.push('--ro-bind', path, path)
  // The kernel's boot id is the host's, but a cold boot of a computer must show a new one.
  args.push('--ro-bind', join(input.runDir, 'boot_id'), '/proc/sys/kernel/random/boot_id')
  args.push('--chdir', '/root')
  return args
}

/** A project or state folder below /usr (containers like /usr/src/app) would be visible through the shared /usr. */
function hiddenBelowUsr(stateDir: string): string[] {
  return [PROJECT_DIR, stateDir, '/usr/src']
    .map((path) => (existsSync(path) ? realpathSync(path) : path))
    .filter((path) => path.startsWith('/usr/') && !path.startsWith('/usr/local') && existsSync(path))
}
