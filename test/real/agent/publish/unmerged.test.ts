// What is not merged is named, and what lies beside the branch is named: real git, in the states that a model leaves behind.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { workElsewhere } from '../../../../agent/publish/elsewhere.ts'
import { containsBase, rebaseOntoBase } from '../../../../agent/publish/rebase.ts'
import { conflictBlocks, operationInProgress, unmergedWork } from '../../../../agent/publish/unmerged.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import type { PlanBench } from '../../support/plan-bench.ts'

const CONFLICT = '<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> other\n'

function commit(bench: PlanBench, path: string, content: string): string {
  bench.put(path, content)
  bench.git('add', '-A')
  bench.git('commit', '-q', '-m', `${path}: ${content.slice(0, 20)}`)
  return bench.git('rev-parse', 'HEAD')
}

/** Two branches that disagree about README.md; the checkout stands on the plan's. */
async function disagreeing(): Promise<PlanBench> {
  const bench = await createPlanBench()
  bench.git('checkout', '-q', '-b', 'other')
  commit(bench, 'README.md', 'theirs\n')
  bench.git('checkout', '-q', bench.plan.start.branch)
  commit(bench, 'README.md', 'mine\n')
  return bench
}

const fails = (bench: PlanBench, ...args: string[]) =>
  expect(() => bench.git(...args)).toThrow('Command failed')

describe('an operation that git has not ended', () => {
  test.each([
    ['merge', ['merge', 'other']],
    ['rebase', ['rebase', 'other']],
    ['cherry-pick', ['cherry-pick', 'other']],
  ])('%s is named with its files, and taken back as it says', async (name, args) => {
    using bench = await disagreeing()
    const head = bench.git('rev-parse', 'HEAD')
    fails(bench, ...args)
    const lines = await unmergedWork(bench.plan)
    expect(lines[0]).toContain(`A ${name} is in progress`)
    expect(lines).toContain('README.md is in conflict.')
    expect(lines.at(-1)).toBe('README.md holds the markers of a conflict, from line 1 on.')
    bench.git(...(operationInProgress(bench.plan.start.checkout)?.abort ?? []))
    expect(await unmergedWork(bench.plan)).toEqual([])
    expect(bench.git('rev-parse', 'HEAD')).toBe(head)
  })

  test('a bisect is one as well', async () => {
    using bench = await disagreeing()
    bench.git('bisect', 'start')
    expect((await unmergedWork(bench.plan))[0]).toContain('A bisect is in progress')
  })
})

describe('conflict markers', () => {
  test('are found in any file that changed, committed or not, and not where the base has the same', async () => {
    using bench = await createPlanBench({
      files: { 'docs/merge.md': `An example:\n${CONFLICT}`, 'a.css': 'a\n' },
    })
    bench.put('docs/merge.md', `More words.\nAn example:\n${CONFLICT}`)
    bench.put('heading.md', 'Title\n=======\n\n<<<<<<< is how it opens\n')
    expect(await unmergedWork(bench.plan)).toEqual([])
    commit(bench, 'a.css', `a\n${CONFLICT.replaceAll('mine', 'ours')}`)
    bench.put('new.bin', Buffer.from(`\0\xff\n${CONFLICT.replaceAll('theirs', 'others')}`, 'latin1'))
    expect(await unmergedWork(bench.plan)).toEqual([
      'a.css holds the markers of a conflict, from line 2 on.',
      'new.bin holds the markers of a conflict, from line 2 on.',
    ])
  })

  test.each([
    [CONFLICT, 1],
    [CONFLICT.replaceAll('\n', '\r\n'), 1],
    ['<<<<<<< a\n1\n||||||| base\n0\n=======\n2\n>>>>>>> b\n', 1],
    [`${CONFLICT}${CONFLICT}`, 2],
    ['<<<<<<< a\n>>>>>>> b\n', 0],
    ['=======\n>>>>>>> b\n<<<<<<< a\n', 0],
    ['  <<<<<<< a\n=======\n>>>>>>> b\n', 0],
  ])('in %j are whole %i times', (text, count) => {
    expect(conflictBlocks(text)).toHaveLength(count)
  })
})

describe('work beside the branch', () => {
  test('is named: another branch, a head that was left, a stash, another working tree', async () => {
    using bench = await createPlanBench({ files: { 'a.txt': 'a\n', 'b.txt': 'b\n' } })
    const { branch } = bench.plan.start
    bench.git('checkout', '-q', '-b', 'side')
    const side = commit(bench, 'side.txt', 'on the side\n')
    bench.git('checkout', '-q', '--detach', branch)
    const left = commit(bench, 'left.txt', 'left behind\n')
    bench.git('checkout', '-q', branch)
    bench.put('b.txt', 'stashed\n')
    bench.git('stash', '-q')
    const tree = join(bench.folder, 'tree')
    bench.git('worktree', 'add', '-q', '--detach', tree)
    writeFileSync(join(tree, 'there.txt'), 'x')
    const gone = join(bench.folder, 'gone')
    bench.git('worktree', 'add', '-q', '--detach', gone)
    writeFileSync(join(gone, 'gone.txt'), 'x')
    bench.git('-C', gone, 'add', '-A')
    bench.git('-C', gone, 'commit', '-q', '-m', 'gone')
    const last = bench.git('-C', gone, 'rev-parse', 'HEAD')
    rmSync(gone, { recursive: true })
    const found = (await workElsewhere(bench.plan)).join('\n')
    expect(found).toContain(`The working tree ${gone} stands on ${last.slice(0, 12)} with 1 commits`)
    expect(found).toContain(`The local branch side (${side.slice(0, 12)}) has 1 commits`)
    expect(found).toContain(`The detached head ${left.slice(0, 12)}`)
    expect(found).toContain('The stash stash@{0}')
    expect(found).toContain(`The working tree ${tree} has uncommitted changes: there.txt`)
  })

  test('is none where the branch has the same changes: merged, squashed, picked, put on top of a moved base, taken from the stash', async () => {
    using bench = await createPlanBench({ files: { 'a.txt': 'a\n', 'b.txt': 'b\n' } })
    const { branch } = bench.plan.start
    for (const name of ['merged', 'squashed', 'picked']) {
      bench.git('checkout', '-q', '-b', name, 'origin/main')
      commit(bench, `${name}-1.txt`, `${name}\n`)
      commit(bench, `${name}-2.txt`, `${name}\n`)
    }
    bench.git('checkout', '-q', branch)
    bench.git('merge', '-q', '--no-edit', 'merged')
    bench.git('merge', '-q', '--squash', 'squashed')
    bench.git('commit', '-q', '-m', 'squashed')
    bench.git('cherry-pick', 'picked~1', 'picked')
    bench.put('b.txt', 'stashed\n')
    bench.git('stash', '-q')
    bench.git('stash', 'apply', '-q')
    bench.git('commit', '-qam', 'from the stash')
    bench.pushBySomebody({ 'theirs.txt': 'x' })
    expect(await rebaseOntoBase(bench.plan)).toMatchObject({ kind: 'rebased' })
    expect(await workElsewhere(bench.plan)).toEqual([])
  })

  test('is what was written into a submodule that is not here', async () => {
    using bench = await createPlanBench()
    bench.put('.gitmodules', '[submodule "lib"]\n\tpath = lib\n\turl = https://example.invalid/lib.git\n')
    bench.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},lib`)
    bench.git('add', '.gitmodules')
    bench.git('commit', '-q', '-m', 'A submodule')
    mkdirSync(join(bench.plan.start.checkout, 'lib'))
    expect(await workElsewhere(bench.plan)).toEqual([])
    bench.put('lib/fix.c', 'int x;')
    expect(await workElsewhere(bench.plan)).toEqual([
      'The submodule lib could not be fetched, so what was written into it (fix.c) cannot be committed.',
    ])
  })
})

describe('a base that moved', () => {
  test('is taken up beside the checkout: a crash leaves no rebase in it, held changes stay, and the head contains the base', async () => {
    using bench = await createPlanBench({
      files: { 'README.md': '1\n', '.github/workflows/ci.yml': 'on: push\n' },
    })
    bench.put('a.txt', 'x')
    bench.put('.github/workflows/ci.yml', 'on: never\n')
    await commitLeftovers(bench.plan, 'Work')
    const before = bench.git('rev-parse', 'HEAD')
    const base = bench.pushBySomebody({
      '.github/workflows/ci.yml': 'on: push # theirs\n',
      'theirs.txt': 'x',
    })
    expect(await containsBase(bench.plan.git, before, before)).toBe(true)
    expect(await rebaseOntoBase(bench.plan)).toEqual({ kind: 'rebased', baseHead: base })
    expect(await containsBase(bench.plan.git, base, 'HEAD')).toBe(true)
    expect(await containsBase(bench.plan.git, base, before)).toBe(false)
    expect(operationInProgress(bench.plan.start.checkout)).toBeNull()
    expect(existsSync(join(bench.plan.home, '.ralph/rebase'))).toBe(false)
    // The held change and the base's disagree: it waits in the stash and is named.
    expect((await workElsewhere(bench.plan)).join()).toContain('stash@{0}')
  })
})

test('changes that a moved base no longer takes stay in the stash, and commits can still be made', async () => {
  using bench = await createPlanBench({ files: { 'a.txt': 'base\n' } })
  commit(bench, 'work.txt', 'x\n')
  bench.put('a.txt', 'mine\n')
  bench.pushBySomebody({ 'a.txt': 'theirs\n' })
  expect(await rebaseOntoBase(bench.plan)).toMatchObject({ kind: 'rebased' })
  expect((await workElsewhere(bench.plan)).join()).toContain('The stash stash@{0}')
  expect(bench.git('status', '--porcelain')).toBe('')
  expect(bench.git('show', 'stash:a.txt')).toBe('mine')
})

test('an old conflict of the base is known in a file whose name is not ASCII or has a newline', async () => {
  const names = ['größe.txt', 'a\nb.txt']
  using bench = await createPlanBench({ files: Object.fromEntries(names.map((name) => [name, CONFLICT])) })
  for (const name of names) bench.put(name, `${CONFLICT}more\n`)
  bench.put('neu\n.txt', CONFLICT.replace('mine', 'other'))
  expect(await unmergedWork(bench.plan)).toEqual([
    'neu\n.txt holds the markers of a conflict, from line 1 on.',
  ])
})

test('commits in a submodule that its remote does not have are named on every branch and tag, and those of the remote are not', async () => {
  using bench = await createPlanBench()
  using lib = await createPlanBench({ files: { 'lib.txt': '1' } })
  lib.remote('tag', 'v1', 'main')
  bench.git(
    '-c',
    'protocol.file.allow=always',
    'submodule',
    'add',
    '-q',
    join(lib.folder, 'upstream.git'),
    'lib',
  )
  bench.git('commit', '-q', '-m', 'A submodule')
  const inside = (...args: string[]) => bench.git('-C', 'lib', ...args)
  inside('checkout', '-q', '--detach', 'v1')
  expect(await workElsewhere(bench.plan)).toEqual([])
  const make = (...then: string[]) => {
    inside('commit', '-q', '--allow-empty', '-m', then.join(' '))
    const made = inside('rev-parse', 'HEAD')
    inside(...then)
    inside('checkout', '-q', '--detach', 'v1')
    return made.slice(0, 12)
  }
  const tagged = make('tag', 'mine')
  expect(await workElsewhere(bench.plan)).toEqual([
    `The submodule lib has commits that its own remote does not have (${tagged}); the plan cannot push them.`,
  ])
  const branched = make('branch', 'side')
  const said = (await workElsewhere(bench.plan)).join()
  expect([tagged, branched].filter((made) => !said.includes(made))).toEqual([])
})
