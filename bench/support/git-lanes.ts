// The two ways to one git host: directly with its own credential, and through the gateway with a plan's token. Packs are made
// beforehand. Packs of text are inflated and hashed by git as every repository's are; packs of random bytes cost almost nothing
// but moving them.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ObjectLab, Seeded } from '../../test/real/support/object-lab.ts'

export type Lane = 'direct' | 'gateway'
const run = promisify(execFile)
const ENV = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
}
export type Content = 'text' | 'random'
/** Lines of these words take a third of their size in a pack, as source text does. */
const WORDS = Array.from({ length: 2_000 }, () => randomBytes(4).toString('base64url'))
const TEXT_PER_PACK_BYTE = 2.7
/** More than a hundred, so that a host keeps the pack as it came (receive.unpackLimit). */
const FILES = 250

export async function createGitLanes(
  lab: ObjectLab,
  { cloneMb, pushMb, content }: { cloneMb: number; pushMb: number; content: Content },
) {
  const work = join(lab.root, `bench-work-${content}`)
  makeWork(work, pushMb, content)
  const large = await lab.seed()
  const base = join(lab.root, `bench-base-${content}`)
  makeWork(base, cloneMb, content)
  execFileSync('git', ['-C', base, 'push', '-q', '--force', large.bare, 'HEAD:main'], { stdio: 'pipe' })
  execFileSync('git', ['-C', large.bare, 'repack', '-adq', '--window=0'])
  const way = (lane: Lane, seeded: Seeded) =>
    lane === 'direct'
      ? { url: `${lab.host.url}/${seeded.bare.split('/').at(-1)}`, authorization: lab.hostAuthorization }
      : { url: `${lab.base}/vm/git/${seeded.name}.git`, authorization: `Bearer ${seeded.token}` }
  const timed = async (lane: Lane, seeded: Seeded, args: (url: string) => string[]) => {
    const { url, authorization } = way(lane, seeded)
    const startMs = performance.now()
    await run('git', ['-c', `http.extraHeader=Authorization: ${authorization}`, ...args(url)], { env: ENV })
    return performance.now() - startMs
  }
  return {
    async clone(lane: Lane): Promise<number> {
      const target = join(lab.root, 'bench-clone')
      const ms = await timed(lane, large, (url) => ['clone', '-q', '--no-checkout', url, target])
      rmSync(target, { recursive: true })
      return ms
    },
    /** Pushes each time into a repository of its own, because a repository that has the objects already would compare them. */
    async push(lane: Lane): Promise<number> {
      const seeded = await lab.seed()
      const ms = await timed(lane, seeded, (url) => ['-C', work, 'push', '-q', url, `HEAD:${seeded.ref}`])
      rmSync(seeded.bare, { recursive: true })
      return ms
    },
  }
}

function makeWork(folder: string, packMb: number, content: Content): void {
  mkdirSync(folder)
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { stdio: 'pipe' })
  git('init', '-q', '-b', 'main')
  git('config', 'core.compression', content === 'text' ? '1' : '0')
  const bytes = Math.round((packMb * 1_000_000) / FILES)
  for (let file = 0; file < FILES; file++)
    writeFileSync(join(folder, `file-${file}`), content === 'text' ? textOf(bytes) : randomBytes(bytes))
  git('add', '--all')
  git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'large')
  git('repack', '-adq', '--window=0')
}

function textOf(packBytes: number): string {
  const picks = randomBytes(Math.round((packBytes * TEXT_PER_PACK_BYTE) / 7) * 2)
  let text = ''
  for (let at = 0; at < picks.byteLength; at += 2)
    text += `${WORDS[picks.readUInt16LE(at) % WORDS.length]}${at % 20 === 0 ? '\n' : ' '}`
  return text
}
