// What a model can do to the settings of git and to what git overlooks, and how it is put right. Real git throughout.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { putRight } from '../../../../agent/attempt/put-right.ts'
import { takeNotices } from '../../../../agent/plan/notices.ts'
import type { PlanBench } from '../../support/plan-bench.ts'
import { atWork, delivers, inGit, notices, refOf } from '../../support/checkout-at-work.ts'

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
