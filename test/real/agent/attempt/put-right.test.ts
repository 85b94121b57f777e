// What a model can do to its git folder, and how it is put right before our own git calls: the files stay as they are, the work can be
// committed and pushed, and each repair is told. Real git throughout.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startCheckpoints } from '../../../../agent/attempt/checkpoint.ts'
import { putRight } from '../../../../agent/attempt/put-right.ts'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { pushForProof } from '../../../../agent/publish/push.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import type { PlanBench } from '../../support/plan-bench.ts'
import { until } from '../../support/vm.ts'
import { atWork, delivers, inGit, notices, refOf } from '../../support/checkout-at-work.ts'

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
