// One file that git cannot take never keeps the others out of a commit, and filters that are not set up here let nothing through.
// Real git; where permissions matter it runs as another user, because root may read everything.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createGit } from '../../../../agent/git/git.ts'
import { takeNotices } from '../../../../agent/plan/notices.ts'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { namedIn } from '../../../../agent/publish/stage.ts'
import { describeWith, needs } from '../../../support/needs.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import type { PlanBench } from '../../support/plan-bench.ts'

const STRANGER = 61_184
const committed = (bench: PlanBench) => bench.git('ls-tree', '-r', '--name-only', 'HEAD').split('\n')

/** Runs the plan's git as a user who is not root; the bench itself stays root. */
function asStranger(bench: PlanBench): void {
  const { checkout } = bench.plan.start
  chmodSync(bench.folder, 0o755)
  for (const folder of [checkout, bench.plan.home])
    execFileSync('chown', ['-R', `${STRANGER}:${STRANGER}`, folder])
  bench.plan.git = createGit(checkout, bench.plan.env, { uid: STRANGER, gid: STRANGER })
}

describeWith(needs.secondUser(), 'what may not be read', () => {
  test('is held back by name, is told to the model, and the rest is committed', async () => {
    using bench = await createPlanBench({
      files: { 'tracked.txt': '1', 'inner/a.txt': '1', 'README.md': '1' },
    })
    bench.put('work.txt', 'the work')
    bench.put('README.md', '2')
    bench.put('closed.txt', 'x')
    bench.put('tracked.txt', '2')
    bench.put('inner/a.txt', '2')
    bench.put('new-folder/b.txt', 'x')
    asStranger(bench)
    const at = (path: string) => join(bench.plan.start.checkout, path)
    for (const path of ['closed.txt', 'tracked.txt', 'inner', 'new-folder']) chmodSync(at(path), 0)
    const result = await commitLeftovers(bench.plan, 'Work')
    expect(result.kind).toBe('committed')
    expect(result.held.map(({ path, kind }) => `${kind} ${path}`).toSorted()).toEqual([
      'unreadable closed.txt',
      'unreadable inner/',
      'unreadable inner/a.txt',
      'unreadable new-folder/',
      'unreadable tracked.txt',
    ])
    expect(bench.events.find(({ text }) => text.startsWith('closed.txt'))?.text).toContain(
      'Permission denied',
    )
    expect(takeNotices(bench.plan).join('\n')).toContain('closed.txt is held back')
    expect(await bench.plan.git.must(['show', '--name-status', '--format=', 'HEAD'])).toBe(
      'M\tREADME.md\nA\twork.txt',
    )
    for (const path of ['inner', 'new-folder']) chmodSync(at(path), 0o755)
  })
})

describe('what git cannot encode or add', () => {
  test('is held back one by one, however many other files there are', async () => {
    using bench = await createPlanBench({ files: { 'pipe.txt': '1' } })
    bench.put('.gitattributes', '*.bad working-tree-encoding=NO-SUCH\n*.u16 working-tree-encoding=UTF-16\n')
    for (const name of [
      'a.bad',
      'b.bad',
      'no-mark.u16',
      ...Array.from({ length: 40 }, (_, n) => `f${n}.txt`),
    ])
      bench.put(name, `content of ${name}`)
    rmSync(join(bench.plan.start.checkout, 'pipe.txt'))
    execFileSync('mkfifo', [join(bench.plan.start.checkout, 'pipe.txt')])
    const { kind, held } = await commitLeftovers(bench.plan, 'Work')
    expect(kind).toBe('committed')
    expect(held.map(({ path }) => path).toSorted()).toEqual(['a.bad', 'b.bad', 'no-mark.u16', 'pipe.txt'])
    expect(held.find(({ path }) => path === 'a.bad')?.reason).toContain('NO-SUCH')
    expect(committed(bench)).toHaveLength(42)
    expect(committed(bench)).toContain('pipe.txt')
  })

  test('a failure of git itself is no fault of the files', async () => {
    using bench = await createPlanBench()
    bench.put('work.txt', 'x')
    mkdirSync(join(bench.plan.start.checkout, '.git/index.lock'))
    await expect(commitLeftovers(bench.plan, 'Work')).rejects.toThrow('index.lock')
  })

  test("git's errors name their files in quotes", () => {
    const said =
      "error: open(\"a b.txt\"): Permission denied\nerror: unable to index file 'c.txt'\nerror: p: can only add regular files\nwarning: 'w.txt' is odd\n"
    expect([...namedIn(said, ['a b.txt', 'c.txt', 'p', 'w.txt', 'other'])]).toEqual([
      ['a b.txt', 'open("a b.txt"): Permission denied'],
      ['c.txt', "unable to index file 'c.txt'"],
      ['p', 'p: can only add regular files'],
    ])
  })
})

describe('a filter that is not set up here', () => {
  const ATTRIBUTES = '*.secret filter=git-crypt diff=git-crypt\n*.png filter=lfs\n'
  const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 5\n`

  test('lets nothing through in clear or raw; what is encrypted, a pointer of the remote, or raw in the base already may change', async () => {
    using bench = await createPlanBench({
      files: { '.gitattributes': ATTRIBUTES, 'raw.png': 'raw', 'was.png': POINTER, 'old.png': POINTER },
    })
    bench.put('plain.secret', 'the launch code')
    bench.put('locked.secret', Buffer.from('\0GITCRYPT\0 and so on'))
    bench.put('empty.secret', '')
    bench.put('new.png', 'pixels')
    bench.put('pointer.png', POINTER)
    bench.put('new-pointer.png', POINTER.replace('size 5', 'size 6'))
    bench.put('old.png', POINTER.replace('aaaa', 'bbbb'))
    bench.put('raw.png', 'raw, changed')
    bench.put('was.png', 'pixels now')
    const { held } = await commitLeftovers(bench.plan, 'Work')
    expect(held.map(({ path, kind }) => `${kind} ${path}`).toSorted()).toEqual([
      'unfiltered new-pointer.png',
      'unfiltered new.png',
      'unfiltered old.png',
      'unfiltered plain.secret',
      'unfiltered was.png',
    ])
    expect(committed(bench)).toEqual(
      expect.arrayContaining(['empty.secret', 'locked.secret', 'pointer.png', 'raw.png', 'was.png']),
    )
    expect(bench.git('show', 'HEAD:was.png')).toContain('git-lfs')
    const toldOf = (file: string) => bench.events.find(({ text }) => text.startsWith(file))?.text
    expect(toldOf('plain.secret')).toContain('in clear')
    expect(toldOf('old.png')).toContain('cannot be uploaded')
  })
})
