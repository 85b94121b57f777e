// Runs one command in a fresh sandbox: its own mounts, processes and interprocess memory, with limits. Nothing of another plan is in
// it. It ends with its command, and everything in it ends when the supervisor does.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { Duplex } from 'node:stream'
import type { Readable, Writable } from 'node:stream'
import type { Paths } from '../machine/paths.ts'
import { ROOT_ENV, SYSTEM_PATH } from '../machine/process.ts'
import { dropGroup, makeGroup, readBounds } from './bounds.ts'
import { INSIDE, toWords } from './inside.ts'
import type { Place } from './inside.ts'
import { placesOf } from './places.ts'

/**
 * How this machine lets root make namespaces. mapped: root lacks the right to mount, so it first makes a user namespace in which
 * every id stands for itself.
 */
export type SandboxKind = 'plain' | 'mapped'

export interface SandboxInput {
  kind: SandboxKind
  paths: Paths
  /** Name of the user whose processes run in it. */
  name: string
  /** Folders of its own that it sees. */
  own: readonly string[]
  /** The command starts as this user; null: as root. */
  ids: { uid: number; gid: number } | null
  cwd: string
  env: Record<string, string>
  command: readonly string[]
}

/** A command in a sandbox. Killing it ends everything in the sandbox. */
export interface PipedChild extends ChildProcess {
  stdin: Writable
  stdout: Readable
  stderr: Readable
}

const PROBE_TRIES = 3
const PROBE_TIMEOUT_MS = 20_000

/** Tries how a sandbox can be made here. Returns null where it cannot; plans then run as without one. */
export async function findSandbox(): Promise<SandboxKind | null> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
  for (const kind of ['plain', 'mapped'] as const)
    for (let tries = 0; tries < PROBE_TRIES; tries++) {
      const answer = await probe(kind)
      if (answer === 'works') return kind
      // A refusal stays one. Any other failure, such as no process to be had just now, is asked again.
      if (answer === 'refused') break
    }
  return null
}

/** Starts the command. What goes wrong inside is said on its stderr, and it ends with a code that is not 0. */
export function startInSandbox({ paths, name, own, ...input }: SandboxInput): PipedChild {
  const bounds = readBounds()
  const group = makeGroup(name, bounds)
  const child = start({
    ...input,
    group,
    processes: bounds.processes,
    coverBytes: bounds.tempMb * 1_048_576,
    places: placesOf(paths, own, input.env['PATH'] ?? SYSTEM_PATH),
  })
  child.once('close', () => dropGroup(group))
  return child
}

type StartInput = Parameters<typeof toWords>[0] & { kind: SandboxKind }

function start({ kind, ...order }: StartInput): PipedChild {
  const user = kind === 'mapped' ? ['--user', '--keep-caps'] : []
  const shell = ['bash', '--norc', '--noprofile', '-p', '-c', INSIDE]
  // setpriv: the kernel kills unshare when the supervisor dies. --kill-child: it kills the first process when unshare dies, and with
  // the first process everything in the sandbox.
  const args = [
    '--pdeathsig',
    'KILL',
    'unshare',
    ...user,
    '--mount',
    '--pid',
    '--ipc',
    '--fork',
    '--kill-child',
  ]
  const child = spawn('setpriv', [...args, ...shell], {
    cwd: '/',
    // Bash would read the files of a plan's HOME; the command gets its own environment.
    env: { ...ROOT_ENV, HOME: '/' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const [, , , channel] = child.stdio
  if (!(channel instanceof Duplex)) throw new Error('The channel to the sandbox could not be opened.')
  for (const stream of [child.stdin, channel]) stream.on('error', () => {}) // it has died; 'close' reports it
  channel.once('data', () => {
    // It was killed while it was starting. Without the order, what may be left of it ends by itself.
    if (child.killed) channel.destroy()
    else sendOrder()
  })
  const sendOrder = () => {
    try {
      if (kind === 'mapped') mapIds(child.pid)
      channel.end(toWords(order))
    } catch {
      child.kill('SIGKILL')
    }
  }
  return child
}

/** Lets every user and group id that we have stand for itself in the new user namespace. */
function mapIds(pid: number | undefined): void {
  for (const file of ['uid_map', 'gid_map']) {
    const ranges = readFileSync(`/proc/self/${file}`, 'utf8').trim().split('\n')
    const same = ranges.map((range) => {
      const [first, , count] = range.trim().split(/\s+/)
      return `${first} ${first} ${count}\n`
    })
    writeFileSync(`/proc/${pid}/${file}`, same.join(''))
  }
}

/** A small sandbox that covers one folder and switches to another user, which is all that a sandbox does. */
const PROBE: Omit<StartInput, 'kind' | 'command'> = {
  processes: 1_024,
  coverBytes: 1_048_576,
  group: null,
  places: [{ kind: 'cover', path: '/tmp', mode: '1777' }] satisfies Place[],
  cwd: '/',
  ids: { uid: 61_184, gid: 61_184 },
  env: { PATH: SYSTEM_PATH },
}

async function probe(kind: SandboxKind): Promise<'works' | 'refused' | 'failed'> {
  // Process 1 of a sandbox is its own shell, and /tmp is empty.
  const command = ['bash', '-c', '[ -z "$(ls -A /tmp)" ] && [ $PPID = 1 ] && echo works']
  const child = start({ ...PROBE, kind, command })
  child.stdin.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_TIMEOUT_MS)
  let [said, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const started = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false))
    child.once('close', () => resolve(true))
  })
  clearTimeout(timer)
  if (said.trim() === 'works') return 'works'
  return started && /not permitted|denied|not found|No such file/i.test(errors) ? 'refused' : 'failed'
}
