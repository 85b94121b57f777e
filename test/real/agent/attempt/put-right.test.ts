// What a model can do to its git folder, and how it is put right before our own git calls: the files stay as they are, the work can be
// committed and pushed, and each repair is told. Real git throughout.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startCheckpoints } from '../../../../agent/attempt/checkpoint.ts'
import { putRight } from '../../../../agent/attempt/put-right.ts'
import { takeNotices } from '../../../../agent/plan/notices.ts'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { pushBranch, pushForProof } from '../../../../agent/publish/push.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import type { PlanBench } from '../../support/plan-bench.ts'
import { until } from '../../support/vm.ts'
import { atWork, inGit, notices, refOf, remoteFiles } from '../../support/checkout-at-work.ts'

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
    ['the file removed', (bench) => rmSync(inGit(bench, 'config')), 'made anew'],
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

  const HOME = "The user's own git settings stood in the way; they were written anew."
  test('of the user: a rule that rewrites addresses', async () => {
    using bench = await atWork()
    bench.git('config', '--global', 'url./nowhere.pushInsteadOf', 'file://')
    await delivers(bench)
    expect(notices(bench)).toEqual([HOME])
  })

  test('of the user that git cannot read, while the git folder is gone', async () => {
    using bench = await atWork()
    writeFileSync(join(bench.plan.home, '.gitconfig'), '[core\nbroken')
    rmSync(inGit(bench), { recursive: true })
    await delivers(bench)
    expect(notices(bench)).toEqual([HOME, expect.stringContaining('The git folder was removed')])
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

describe('what git is told to overlook', () => {
  test.each(['--assume-unchanged', '--skip-worktree'])('%s', async (mark) => {
    using bench = await atWork()
    bench.git('update-index', mark, 'README.md')
    bench.put('README.md', 'changed')
    await delivers(bench)
    expect(bench.remote('show', `${refOf(bench)}:README.md`)).toBe('changed')
    expect(notices(bench)).toEqual([expect.stringContaining('overlook changes of README.md')])
  })

  test('a folder marked as shallow is no longer', async () => {
    using bench = await atWork()
    writeFileSync(inGit(bench, 'shallow'), `${bench.git('rev-parse', 'HEAD')}\n`)
    await delivers(bench)
    expect(notices(bench)).toEqual([expect.stringContaining('marked as shallow')])
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
      'with a branch that a power cut left empty',
      (bench) => writeFileSync(inGit(bench, refOf(bench)), ''),
      ['had no commit any more'],
    ],
    [
      'with a branch full of zero bytes, and without a log',
      (bench) => {
        writeFileSync(inGit(bench, refOf(bench)), '\0'.repeat(41))
        rmSync(inGit(bench, 'logs'), { recursive: true })
      },
      ['had no commit any more'],
    ],
    ['with an empty HEAD', (bench) => writeFileSync(inGit(bench, 'HEAD'), ''), ['HEAD named nothing']],
    [
      'with an empty index',
      (bench) => writeFileSync(inGit(bench, 'index'), ''),
      ['The index of git could not be read'],
    ],
    [
      'with an empty tracking branch',
      (bench) => writeFileSync(inGit(bench, 'refs/remotes/origin/main'), ''),
      ['refs/remotes/origin/main could not be read'],
    ],
    [
      'moved away, and half brought back when a kill came',
      (bench) => {
        renameSync(inGit(bench), join(bench.plan.start.checkout, '.git-old'))
        const part = join(bench.plan.start.checkout, '.git.ralph-part')
        for (const name of ['objects', 'refs']) mkdirSync(join(part, name), { recursive: true })
        for (const name of ['HEAD', 'ralph-plan'])
          cpSync(join(bench.plan.start.checkout, '.git-old', name), join(part, name))
      },
      ['had been moved away'],
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

  test('removed with all files after a finish had pushed real commits to the checkpoint ref: none of them is undone', async () => {
    using bench = await atWork()
    await commitLeftovers(bench.plan, 'Two')
    const head = await pushForProof(bench.plan)
    expect(bench.plan.journal.records().at(-1)).toMatchObject({ kind: 'kept', head, ref: 'checkpoint' })
    for (const name of ['.git', 'README.md', 'one.txt', 'two.txt'])
      rmSync(join(bench.plan.start.checkout, name), { recursive: true })
    await putRight(bench.plan, 'all')
    expect(bench.git('rev-parse', 'HEAD')).toBe(head)
    expect(bench.git('status', '--porcelain')).toBe('')
  })

  test('a new machine begins at the root commit that a finish pushed', async () => {
    using first = await createPlanBench({ files: { 'README.md': '1' } })
    const { id } = first.plan.start
    const root = first.remote('rev-parse', 'main')
    using anew = await createPlanBench({
      files: { 'README.md': '1' },
      arrange(remote) {
        remote(
          'fetch',
          '-q',
          join(first.folder, 'upstream.git'),
          `+main:refs/heads/main`,
          `+main:refs/agent/${id}`,
        )
      },
      start: { checkpointHead: root },
    })
    expect(anew.git('rev-parse', 'HEAD')).toBe(root)
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

test('two repositories that stood in the place of the git folder are both kept, the first after a kill', async () => {
  using bench = await atWork()
  const heads = ['First', 'Second'].map((name, at) => {
    rmSync(inGit(bench), { recursive: true, force: true })
    bench.git('init', '-q')
    bench.git('commit', '-q', '--allow-empty', '-m', name)
    // The first was set aside, and the kill came before anything was told.
    if (at === 0) renameSync(inGit(bench), join(bench.plan.home, '.ralph/other-git-1'))
    const git = at === 0 ? join(bench.plan.home, '.ralph/other-git-1') : inGit(bench)
    return bench.git(`--git-dir=${git}`, 'rev-parse', 'HEAD')
  })
  await putRight(bench.plan, 'all')
  expect(['kept-other', 'kept-other-2'].map((name) => bench.git('rev-parse', name))).toEqual(heads)
})
