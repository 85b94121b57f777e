// The two ways to one git host: directly with its own credential, and through the gateway with a plan's token. Packs are made
// beforehand and of random bytes, so that moving them is what is timed.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ObjectLab, Seeded } from '../../test/agent/support/object-lab.ts'

export type Lane = 'direct' | 'gateway'
const run = promisify(execFile)
const ENV = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
}
/** More than a hundred, so that a host keeps the pack as it came (receive.unpackLimit). */
const FILES = 250

export async function createGitLanes(
  lab: ObjectLab,
  { cloneMb, pushMb }: { cloneMb: number; pushMb: number },
) {
  const work = join(lab.root, 'bench-work')
  makeWork(work, pushMb)
  const large = await lab.seed()
  const base = join(lab.root, 'bench-base')
  makeWork(base, cloneMb)
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
    /** Each into a repository of its own: one that has the objects already would compare them. */
    async push(lane: Lane): Promise<number> {
      const seeded = await lab.seed()
      const ms = await timed(lane, seeded, (url) => ['-C', work, 'push', '-q', url, `HEAD:${seeded.ref}`])
      rmSync(seeded.bare, { recursive: true })
      return ms
    },
  }
}

function makeWork(folder: string, megabytes: number): void {
  mkdirSync(folder)
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { stdio: 'pipe' })
  git('init', '-q', '-b', 'main')
  for (let file = 0; file < FILES; file++)
    writeFileSync(join(folder, `random-${file}`), randomBytes((megabytes * 1_000_000) / FILES))
  git('-c', 'core.looseCompression=0', 'add', '--all')
  git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'large')
  git('repack', '-adq', '--window=0')
}
