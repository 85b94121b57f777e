// The cases of docs/gateway-git.md in their order: what a plan may try with git. Each case runs real git through the real gateway
// and returns how it ended. The test that runs the cases compares the messages and the changed refs.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { CHECK_PUSH } from './git-table.ts'
import type { Bench, Ran } from './git-table.ts'
import { canMeasureMemory, measureGrowthMb } from './worker-memory.ts'

export interface GitCase {
  name: string
  /** The command as a reader would type it; {branch} and {plan} are this plan's. */
  command: string
  /** A further fact for the table, which the case itself asserts. */
  also?: string
  objectFormat?: string
  run(this: void, bench: Bench): Promise<Ran>
}

/** More growth would mean that the Worker holds parts of the pack in memory (measured: bench/results/gateway.md). */
const MAX_GROWTH_MB = 64

/** Commits this many megabytes of random bytes, in files that the agent does not hold back, and pushes them. */
async function bigPush(bench: Bench, megabytes: number): Promise<Ran> {
  const dir = await bench.clone()
  for (let file = 0; file < megabytes / 4; file++)
    writeFileSync(join(bench.home, dir, `random-${file}`), randomBytes(4_000_000))
  await bench.commit(dir)
  return bench.git(dir, 'push', 'origin', 'HEAD:{branch}')
}

async function pushed(bench: Bench, ...args: string[]): Promise<Ran> {
  const dir = await bench.clone()
  await bench.commit(dir)
  return bench.git(dir, 'push', ...args)
}

/** Pushes the branch once, makes a change, and pushes again. */
async function pushedTwice(bench: Bench, change: (dir: string) => Promise<void>, ...args: string[]) {
  const dir = await bench.clone()
  await bench.commit(dir)
  expect((await bench.git(dir, 'push', '-q', 'origin', 'HEAD:{branch}')).code).toBe(0)
  await change(dir)
  bench.begin()
  return bench.git(dir, 'push', ...args)
}

const fetchOver = (version: number) => async (bench: Bench) => {
  const dir = await bench.clone()
  bench.upstream('update-ref', 'refs/heads/other', 'main~1')
  bench.begin()
  const ran = await bench.git(dir, '-c', `protocol.version=${version}`, 'fetch', 'origin')
  expect(bench.seen().some(({ headers }) => headers['git-protocol'] === 'version=2')).toBe(version === 2)
  return ran
}

export const GIT_CASES: GitCase[] = [
  {
    name: 'clone',
    command: 'git clone {remote}',
    run: async (bench) => {
      const ran = await bench.git('.', 'clone', '{remote}', 'whole')
      expect((await bench.git('whole', 'cat-file', '-p', 'HEAD:file-2')).output).toBe('2\n')
      return ran
    },
  },
  {
    name: 'shallow clone',
    command: 'git clone --depth=1 {remote}',
    run: async (bench) => {
      const ran = await bench.git('.', 'clone', '--depth=1', '{remote}', 'shallow')
      expect((await bench.git('shallow', 'rev-list', '--count', 'HEAD')).output).toBe('1\n')
      return ran
    },
  },
  {
    name: 'partial clone, its missing files on demand',
    command: 'git clone --filter=blob:none --no-checkout {remote}',
    run: async (bench) => {
      const ran = await bench.git('.', 'clone', '--filter=blob:none', '--no-checkout', '{remote}', 'partial')
      const missing = await bench.git('partial', 'rev-list', '--objects', '--all', '--missing=print')
      expect(missing.output).toMatch(/^\?/m)
      expect((await bench.git('partial', 'show', 'HEAD:file-1')).output).toBe('1\n')
      return ran
    },
  },
  { name: 'fetch over protocol v2', command: 'git fetch origin', run: fetchOver(2) },
  { name: 'fetch over protocol v0', command: 'git -c protocol.version=0 fetch origin', run: fetchOver(0) },
  {
    name: 'a long fetch request, which git compresses',
    command: 'git fetch origin',
    run: async (bench) => {
      const dir = await bench.clone()
      const tree = bench.upstream('rev-parse', 'main^{tree}')
      for (let branch = 0; branch < 40; branch++) {
        const commit = bench.upstream('commit-tree', tree, '-p', 'main', '-m', `branch ${branch}`)
        bench.upstream('update-ref', `refs/heads/many/${branch}`, commit)
      }
      bench.begin()
      const ran = await bench.git(dir, 'fetch', '-q', 'origin')
      expect(bench.seen().some(({ headers }) => headers['content-encoding'] === 'gzip')).toBe(true)
      return ran
    },
  },
  {
    name: 'push to the own branch',
    command: 'git push origin HEAD:{branch}',
    run: (bench) => pushed(bench, 'origin', 'HEAD:{branch}'),
  },
  {
    name: 'the next push',
    command: 'git push origin HEAD:{branch}',
    run: (bench) => pushedTwice(bench, (dir) => bench.commit(dir), 'origin', 'HEAD:{branch}'),
  },
  {
    name: 'push from a shallow clone',
    command: 'git push origin HEAD:{branch}',
    run: async (bench) => {
      const dir = await bench.clone('--depth=1')
      await bench.commit(dir)
      return bench.git(dir, 'push', 'origin', 'HEAD:{branch}')
    },
  },
  {
    name: 'push and fetch, SHA-256 repository',
    command: 'git push origin HEAD:{branch}',
    objectFormat: 'sha256',
    run: (bench) => pushed(bench, 'origin', 'HEAD:{branch}'),
  },
  {
    name: 'push above 1 MiB',
    command: 'git push origin HEAD:{branch}',
    also: 'sent chunked, after a probe of four bytes',
    run: async (bench) => {
      const ran = await bigPush(bench, 8)
      const posts = bench.seen().filter(({ url }) => url.endsWith('/git-receive-pack'))
      const lengths = posts.map(({ headers }) => headers['transfer-encoding'] ?? headers['content-length'])
      expect(lengths).toEqual(['4', 'chunked'])
      return ran
    },
  },
  {
    name: 'push of 90 MB',
    command: 'git push origin HEAD:{branch}',
    also: `the Worker's memory grows by less than ${MAX_GROWTH_MB} MB`,
    run: async (bench) => {
      const all: Ran[] = []
      const work = async () => void all.push(await bigPush(bench, 90))
      if (canMeasureMemory) expect(await measureGrowthMb(bench.workerPid, work)).toBeLessThan(MAX_GROWTH_MB)
      else await work()
      return all[0] ?? expect.fail('no push')
    },
  },
  {
    name: "push of 104 MB, above the platform's 100 MB, in a plan's checkout",
    command: 'git push origin HEAD:{branch}',
    also: 'nothing is sent',
    run: async (bench) => {
      mkdirSync(join(bench.home, '.ralph'))
      const rules = { allowed: { workflows: false, text: '' }, baseHead: null, branch: bench.branch }
      writeFileSync(join(bench.home, '.ralph/push-rules.json'), JSON.stringify(rules))
      bench.hook('pre-push', `exec ${CHECK_PUSH} ${bench.home}`)
      const ran = await bigPush(bench, 104)
      expect(
        bench.seen().filter(({ method, url }) => method === 'POST' && url.endsWith('receive-pack')),
      ).toEqual([])
      return ran
    },
  },
  {
    name: 'branch and checkpoint, atomically',
    command: 'git push --atomic origin HEAD:{branch} HEAD:{checkpoint}',
    run: (bench) => pushed(bench, '--atomic', 'origin', 'HEAD:{branch}', 'HEAD:{checkpoint}'),
  },
  {
    name: 'force of the own branch',
    command: 'git push --force origin HEAD:{branch}',
    run: (bench) => pushedTwice(bench, bench.amend, '--force', 'origin', 'HEAD:{branch}'),
  },
  {
    name: "force over somebody else's commit on the own branch",
    command: 'git push --force origin HEAD:{branch}',
    run: (bench) =>
      pushedTwice(
        bench,
        async () => void bench.upstream('update-ref', `refs/heads/${bench.branch}`, 'main~1'),
        '--force',
        'origin',
        'HEAD~1:{branch}',
      ),
  },
  {
    name: 'delete of the own branch',
    command: 'git push origin :{branch}',
    run: (bench) => pushedTwice(bench, async () => {}, 'origin', ':{branch}'),
  },
  {
    name: 'push to main',
    command: 'git push origin HEAD:main',
    run: (bench) => pushed(bench, 'origin', 'HEAD:main'),
  },
  {
    name: 'delete of main',
    command: 'git push origin :main',
    run: (bench) => pushed(bench, 'origin', ':main'),
  },
  {
    name: "another plan's branch",
    command: 'git push origin HEAD:refs/heads/agent/other',
    run: (bench) => pushed(bench, 'origin', 'HEAD:refs/heads/agent/other'),
  },
  {
    name: 'a tag',
    command: 'git push origin HEAD:refs/tags/v2',
    run: (bench) => pushed(bench, 'origin', 'HEAD:refs/tags/v2'),
  },
  {
    name: 'two refs, one of them foreign',
    command: 'git push origin HEAD:{branch} HEAD:main',
    run: (bench) => pushed(bench, 'origin', 'HEAD:{branch}', 'HEAD:main'),
  },
  {
    name: 'the same, atomically',
    command: 'git push --atomic origin HEAD:{branch} HEAD:main',
    run: (bench) => pushed(bench, '--atomic', 'origin', 'HEAD:{branch}', 'HEAD:main'),
  },
  {
    name: 'a large push to a foreign branch',
    command: 'git push origin HEAD:main',
    run: async (bench) => {
      const dir = await bench.clone()
      writeFileSync(join(bench.home, dir, 'random'), randomBytes(20_000_000))
      await bench.commit(dir)
      return bench.git(dir, 'push', 'origin', 'HEAD:main')
    },
  },
  {
    name: 'push options',
    command: 'git push -o merge_request.create origin HEAD:{branch}',
    run: (bench) => pushed(bench, '-o', 'merge_request.create', 'origin', 'HEAD:{branch}'),
  },
  {
    name: 'signed push',
    command: 'git push --signed origin HEAD:{branch}',
    run: (bench) => pushed(bench, '--signed', 'origin', 'HEAD:{branch}'),
  },
  {
    name: 'signed push where it is offered, and here it is not',
    command: 'git push --signed=if-asked origin HEAD:{branch}',
    run: (bench) => pushed(bench, '--signed=if-asked', 'origin', 'HEAD:{branch}'),
  },
  {
    name: 'push after a cancel',
    command: 'git push origin HEAD:{branch}',
    run: (bench) =>
      pushedTwice(
        bench,
        async (dir) => {
          await bench.commit(dir)
          await bench.cancel()
        },
        'origin',
        'HEAD:{branch}',
      ),
  },
  {
    name: 'push with the key of the machine',
    command: 'git push origin HEAD:{branch}',
    run: async (bench) => {
      const dir = await bench.clone()
      await bench.commit(dir)
      bench.asMachine()
      return bench.git(dir, 'push', 'origin', 'HEAD:{branch}')
    },
  },
  {
    name: 'the git host refuses by a rule of its own',
    command: 'git push origin HEAD:{branch}',
    run: async (bench) => {
      bench.hostHook('update', 'echo "a rule of this host"; exit 1')
      return pushed(bench, 'origin', 'HEAD:{branch}')
    },
  },
  {
    name: 'an upload to LFS, as git-lfs asks for it',
    command: 'POST {remote}/info/lfs/objects/batch',
    run: async (bench) => {
      const asked = { operation: 'upload', objects: [{ oid: 'a'.repeat(64), size: 5 }] }
      const { status, text } = await bench.post('info/lfs/objects/batch', asked)
      return { code: status === 200 ? 0 : 1, output: `error: HTTP ${status} ${text}` }
    },
  },
]
