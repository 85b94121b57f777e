// Fetches the content of files that git-lfs keeps, through the gateway. The repository names no program here: the filter is the
// machine's own git-lfs by its whole path, and it runs as the plan's user.
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freeDiskMb } from '../machine/machine.ts'
import { clipText } from '../machine/output.ts'
import { SYSTEM_PATH } from '../machine/process.ts'
import { findProgram } from '../machine/programs.ts'
import type { Git } from './git.ts'
import { gitReason } from './git.ts'

const FETCH_TIMEOUT_MS = 15 * 60_000
const SIGN_OF_LIFE_MS = 10_000
/** A pointer is shorter (the specification of git-lfs). */
const MAX_POINTER_BYTES = 1_024
/** Each object lies in the git folder and in the checkout. The rest of the disk is for set-up and the work. */
const SHARE_OF_DISK = 0.25

type Message = { kind: 'activity' } | { kind: 'event'; type: 'setup'; text: string }

interface FetchInput {
  git: Git
  /** The address of the plan's repository at the gateway. */
  origin: string
  report: (message: Message) => void
}

/** Returns the machine's own git-lfs; null when none is installed. A program in a plan's home does not count. */
export const findGitLfs = (): string | null => findProgram('git-lfs', { PATH: SYSTEM_PATH })

/** Replaces pointers by their files. What cannot be fetched stays a pointer. It never throws. */
export async function fetchLfs({ git, origin, report }: FetchInput): Promise<void> {
  const program = findGitLfs()
  const pointers = await listLfsPointers(git)
  if (program === null || pointers.length === 0) return
  const tell = (text: string) => report({ kind: 'event', type: 'setup', text: clipText(text, 1_000) })
  const mb = Math.ceil(pointers.reduce((sum, path) => sum + sizeIn(join(git.checkout, path)), 0) / 1_000_000)
  const roomMb = Math.floor((freeDiskMb(git.checkout) ?? 0) * SHARE_OF_DISK)
  if (mb > roomMb)
    return tell(
      `Files of git-lfs stay pointers: they have ${mb} MB, and the disk has room for ${roomMb} MB of them.`,
    )
  await setUp(git, program, origin)
  const startedAt = performance.now()
  const stillRuns = setInterval(() => report({ kind: 'activity' }), SIGN_OF_LIFE_MS)
  const pulled = await git.try(['lfs', 'pull'], { timeoutMs: FETCH_TIMEOUT_MS })
  clearInterval(stillRuns)
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  const left = (await listLfsPointers(git)).length
  const count = `${pointers.length - left} of ${pointers.length} files`
  if (left === 0) tell(`Fetched ${count} of git-lfs (${mb} MB) in ${seconds} s.`)
  else tell(`Fetched ${count} of git-lfs in ${seconds} s; the others stay pointers. ${gitReason(pulled)}`)
}

/** Settings of this checkout alone. They come before those of a `.lfsconfig` that the repository holds. */
async function setUp(git: Git, program: string, origin: string): Promise<void> {
  const settings = [
    ['lfs.url', `${origin}/info/lfs`],
    ['filter.lfs.clean', `${program} clean -- %f`],
    ['filter.lfs.smudge', `${program} smudge -- %f`],
    ['filter.lfs.process', `${program} filter-process`],
    ['filter.lfs.required', 'true'],
  ]
  for (const [key = '', value = ''] of settings) await git.try(['config', '--local', key, value])
}

/** Returns the files that are here only as pointers. */
export async function listLfsPointers(git: Git): Promise<string[]> {
  const files = ['--', '.gitattributes', '**/.gitattributes']
  const attributes = await git.try(['grep', '--cached', '-l', '-z', 'filter=lfs', ...files])
  if (attributes.code !== 0) return []
  const pointer = '^version https://git-lfs.github.com/spec/'
  const found = await git.try(['grep', '-l', '-z', '-I', '--max-depth=-1', pointer])
  return found.stdout.split('\0').filter((path) => path !== '')
}

function sizeIn(file: string): number {
  try {
    const stat = lstatSync(file)
    if (!stat.isFile() || stat.size >= MAX_POINTER_BYTES) return 0
    return Number(/^size (\d{1,15})$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // it was removed, or its name is no UTF-8
  }
}
