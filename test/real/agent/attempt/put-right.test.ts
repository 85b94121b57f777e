// What a model can do to its git folder, and how it is put right before our own git calls: the files stay as they are, the work can be
// committed and pushed, and each repair is told. Real git throughout.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startCheckpoints } from '../../../../agent/attempt/checkpoint.ts'
import { keepWork } from '../../../../agent/attempt/deliver.ts'
import { settleUnmerged } from '../../../../agent/attempt/keep-beside.ts'
import { putRight } from '../../../../agent/attempt/put-right.ts'
import { takeNotices } from '../../../../agent/plan/notices.ts'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { pushBranch } from '../../../../agent/publish/push.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import type { PlanBench } from '../../support/plan-bench.ts'
import { until } from '../../support/vm.ts'

const notices = (bench: PlanBench) =>
  bench.events.filter(({ type }) => type === 'notice').map(({ text }) => text)
/** The whole name: the checkpoint ref ends in the same words. */
const refOf = (bench: PlanBench) => `refs/heads/${bench.plan.start.branch}`
const inGit = (bench: PlanBench, ...path: string[]) => join(bench.plan.start.checkout, '.git', ...path)
const remoteFiles = (bench: PlanBench) =>
  bench.remote('ls-tree', '-r', '--name-only', refOf(bench)).split('\n')

/** One commit that is pushed, and a file that is not committed. */
async function atWork(): Promise<PlanBench> {
  const bench = await createPlanBench({ files: { 'README.md': '1', 'gone.txt': 'x' } })
  bench.put('one.txt', '1')
  await commitLeftovers(bench.plan, 'One')
  await pushBranch(bench.plan)
  bench.put('two.txt', '2')
  rmSync(join(bench.plan.start.checkout, 'gone.txt'))
  return bench
}

/** Puts right, and shows that the work can be delivered with everything that was in the checkout. */
async function delivers(bench: PlanBench): Promise<void> {
  await putRight(bench.plan, 'all')
  await commitLeftovers(bench.plan, 'Two')
  await pushBranch(bench.plan)
  expect(remoteFiles(bench)).toEqual(['README.md', 'one.txt', 'two.txt'])
  expect(bench.remote('log', '--format=%s', refOf(bench)).split('\n').slice(-2)).toEqual(['One', 'Start'])
  const told = notices(bench).length
  await putRight(bench.plan, 'all')
  expect(notices(bench)).toHaveLength(told)
}

const CONFIG = 'The git settings of the checkout stood in the way: '

describe('settings', () => {
  test.each<[string, (bench: PlanBench) => void, string]>([
    [
      'origin removed',
      (bench) => void bench.git('remote', 'remove', 'origin'),
      'the remote origin is there again',
    ],
    [
      'origin renamed',
      (bench) => void bench.git('remote', 'rename', 'origin', 'upstream'),
      'the remote origin is there again',
    ],
    [
      'origin led elsewhere',
      (bench) => void bench.git('remote', 'set-url', 'origin', '/nowhere'),
      'origin leads to the gateway again',
    ],
    [
      'another address for pushes',
      (bench) => void bench.git('remote', 'set-url', '--push', 'origin', '/nowhere'),
      'remote.origin.pushurl is taken out',
    ],
    [
      'a rule that rewrites addresses',
      (bench) => void bench.git('config', 'url./nowhere.insteadOf', 'file://'),
      'insteadof is taken out',
    ],
    [
      'such a rule of the user',
      (bench) => void bench.git('config', '--global', 'url./nowhere.pushInsteadOf', 'file://'),
      "the user's own settings were written anew",
    ],
    [
      'a working tree elsewhere',
      (bench) => void bench.git('config', 'core.worktree', '/tmp'),
      'core.worktree is taken out',
    ],
    ['bare', (bench) => void bench.git('config', 'core.bare', 'true'), 'core.bare is false again'],
    [
      'a file that git cannot read',
      (bench) => writeFileSync(inGit(bench, 'config'), '[core\nbroken'),
      'was made anew',
    ],
    [
      'an unknown format',
      (bench) => writeFileSync(inGit(bench, 'config'), '[core]\n\trepositoryformatversion = 9\n'),
      'made anew',
    ],
  ])('%s', async (_, spoil, said) => {
    using bench = await atWork()
    spoil(bench)
    await delivers(bench)
    expect(notices(bench)).toEqual([expect.stringContaining(said)])
    expect(notices(bench)[0]?.startsWith(CONFIG)).toBe(true)
    expect(takeNotices(bench.plan)).toEqual(notices(bench))
  })

  test("commits to be signed and hooks elsewhere are in nobody's way", async () => {
    using bench = await atWork()
    bench.git('config', 'commit.gpgSign', 'true')
    bench.git('config', 'core.hooksPath', '/nowhere')
    await delivers(bench)
    expect(notices(bench)).toEqual([])
  })

  test('a new origin brings its tracking branches along, so that the base is not taken for the work', async () => {
    using bench = await atWork()
    bench.git('remote', 'remove', 'origin')
    await putRight(bench.plan, 'none')
    expect(bench.git('rev-list', '--count', 'HEAD', '--not', '--remotes=origin')).toBe('0')
  })
})

describe('the git folder', () => {
  test.each<[string, (bench: PlanBench) => void, string[]]>([
    [
      'removed',
      (bench) => rmSync(inGit(bench), { recursive: true }),
      ['The git folder was removed. A new one was made around the files'],
    ],
    [
      'begun anew, with commits',
      (bench) => {
        rmSync(inGit(bench), { recursive: true })
        bench.git('init', '-q')
        bench.git('add', '-A')
        bench.git('commit', '-q', '-m', 'All anew')
      },
      ['The git folder was replaced by another repository.', 'are kept as the local branch kept-other'],
    ],
    [
      'moved away',
      (bench) => renameSync(inGit(bench), join(bench.plan.start.checkout, '.git-old')),
      ['had been moved away'],
    ],
    [
      'put elsewhere by git itself',
      (bench) => void bench.git('init', '-q', '--separate-git-dir', join(bench.folder, 'elsewhere')),
      ['had been moved away'],
    ],
    ['without HEAD', (bench) => rmSync(inGit(bench, 'HEAD')), ['lacked parts']],
    [
      'with a HEAD that names nothing',
      (bench) => writeFileSync(inGit(bench, 'HEAD'), 'x'),
      ['HEAD named nothing'],
    ],
    [
      'without the branch',
      (bench) => void bench.git('update-ref', '-d', `refs/heads/${bench.plan.start.branch}`),
      ['had no commit any more'],
    ],
    [
      'without what it borrows',
      (bench) => rmSync(inGit(bench, 'objects/info/alternates')),
      ['borrowed objects'],
    ],
    [
      'without hooks',
      (bench) => rmSync(inGit(bench, 'hooks'), { recursive: true }),
      ['A git hook of the agent was missing'],
    ],
    [
      'with an index that git cannot read',
      (bench) => writeFileSync(inGit(bench, 'index'), 'x'),
      ['The index of git could not be read'],
    ],
    [
      'with locks left',
      (bench) =>
        ['index.lock', 'HEAD.lock', `refs/heads/${bench.plan.start.branch}.lock`].forEach((name) =>
          writeFileSync(inGit(bench, name), ''),
        ),
      ['had left a lock, which is removed: '],
    ],
  ])('%s', async (_, spoil, said) => {
    using bench = await atWork()
    spoil(bench)
    await delivers(bench)
    expect(notices(bench)).toEqual(said.map((text) => expect.stringContaining(text)))
  })

  test('removed with all files: they come back from the last checkpoint, uncommitted as they were', async () => {
    using bench = await atWork()
    Object.assign(bench.plan.start, { checkpointMs: 50 })
    const checkpoints = startCheckpoints(bench.plan)
    await until(() => bench.events.some(({ text }) => text.startsWith('The work so far')), 'a checkpoint')
    await checkpoints.stop()
    for (const name of ['.git', 'README.md', 'one.txt', 'two.txt'])
      rmSync(join(bench.plan.start.checkout, name), { recursive: true })
    await putRight(bench.plan, 'all')
    expect(readFileSync(join(bench.plan.start.checkout, 'two.txt'), 'utf8')).toBe('2')
    expect(bench.git('log', '-1', '--format=%s')).toBe('One')
    await delivers(bench)
  })

  test('a checkout of an earlier version, which has no mark, is kept as it is', async () => {
    using bench = await atWork()
    rmSync(inGit(bench, 'ralph-plan'))
    const head = bench.git('rev-parse', 'HEAD')
    await putRight(bench.plan, 'all')
    expect(notices(bench)).toEqual([])
    expect(bench.git('rev-parse', 'HEAD')).toBe(head)
    expect(existsSync(inGit(bench, 'ralph-plan'))).toBe(true)
  })

  test('a lock of a command that still runs is waited for and not taken away', async () => {
    using bench = await atWork()
    writeFileSync(inGit(bench, 'index.lock'), '')
    setTimeout(() => rmSync(inGit(bench, 'index.lock')), 700)
    await putRight(bench.plan, 'old')
    expect(notices(bench)).toEqual([])
  })
})

describe('the end of an attempt', () => {
  test('keeps a rebase in progress as it stands, with what it began from, and does not touch the branch', async () => {
    using bench = await atWork()
    const { branch, id } = bench.plan.start
    bench.git('checkout', '-q', '-b', 'other', 'origin/main')
    bench.put('one.txt', 'theirs')
    bench.git('add', 'one.txt')
    bench.git('commit', '-q', '-m', 'Theirs')
    bench.git('checkout', '-q', branch)
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'Two')
    const before = bench.git('rev-parse', branch)
    const pushed = bench.remote('rev-parse', refOf(bench))
    expect(() => bench.git('rebase', 'other')).toThrow('Command failed')
    await keepWork(bench.plan, 'wip: paused', 'push')
    expect(existsSync(inGit(bench, 'rebase-merge'))).toBe(true)
    expect(bench.remote('rev-parse', refOf(bench))).toBe(pushed)
    expect(bench.remote('rev-list', `refs/agent/${id}`)).toContain(before)
    expect(notices(bench)[0]).toContain('A rebase is in progress and is kept as it stands.')
    // When no further finish may come, it is taken back and the branch is whole.
    await settleUnmerged(bench.plan, 'The end')
    expect(existsSync(inGit(bench, 'rebase-merge'))).toBe(false)
    expect(bench.git('rev-parse', 'HEAD')).toBe(before)
  })

  test('keeps other branches and stashes below the checkpoint, where a new machine finds them', async () => {
    using bench = await atWork()
    const { branch, id } = bench.plan.start
    bench.git('add', '-A')
    bench.git('stash', '-q')
    bench.git('checkout', '-q', '-b', 'side')
    bench.put('side.txt', 'x')
    bench.git('add', 'side.txt')
    bench.git('commit', '-q', '-m', 'On the side')
    const side = bench.git('rev-parse', 'HEAD')
    const stash = bench.git('rev-parse', 'stash')
    bench.git('checkout', '-q', branch)
    await keepWork(bench.plan, 'wip: paused', 'push')
    const kept = bench.remote('rev-list', `refs/agent/${id}`)
    expect(kept).toContain(side)
    expect(kept).toContain(stash)
    expect(notices(bench).join()).toContain(`The local branch side (${side.slice(0, 12)})`)
    expect(remoteFiles(bench)).not.toContain('side.txt')
    const checkpoint = bench.remote('rev-parse', `refs/agent/${id}`)
    using anew = await createPlanBench({
      arrange(remote) {
        const from = join(bench.folder, 'upstream.git')
        remote('fetch', '-q', from, `refs/agent/${id}:refs/agent/${id}`, `+refs/heads/*:refs/heads/*`)
      },
      start: { pushedHead: bench.remote('rev-parse', refOf(bench)), checkpointHead: checkpoint },
    })
    expect(anew.git('log', '-1', '--format=%s')).toBe('One')
    expect([anew.git('rev-parse', 'kept-1'), anew.git('rev-parse', 'kept-2')]).toEqual([side, stash])
  })

  test('at a stop, when nothing may be pushed, names what stays on the machine', async () => {
    using bench = await atWork()
    Object.assign(bench.plan.start, { mode: 'stop' })
    mkdirSync(join(bench.folder, 'copy'))
    cpSync(inGit(bench), join(bench.folder, 'copy'), { recursive: true })
    bench.git('checkout', '-q', '-b', 'side')
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'On the side')
    bench.git('checkout', '-q', bench.plan.start.branch)
    await keepWork(bench.plan, 'wip: stopped')
    expect(notices(bench)[0]).toContain('The local branch side')
    expect(notices(bench)[0]).toContain('It stays in the checkout on this machine.')
  })
})
