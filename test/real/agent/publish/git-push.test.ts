// What is pushed: the model's own commits through the gate, hooks, a base that moves, a branch somebody else has touched. Real git
// throughout; the remote is searched for what must not be there.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commitLeftovers, snapshotCommit } from '../../../../agent/publish/commits.ts'
import { pushBranch } from '../../../../agent/publish/push.ts'
import { rebaseOntoBase, resolveConflict } from '../../../../agent/publish/rebase.ts'
import { createPlanBench } from '../../support/plan-bench.ts'

/** Shaped like a real one, put together here so that no scanner finds it in this file. */
const GITHUB_TOKEN = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_')
const branchOf = ({ start }: { start: { branch: string } }) => start.branch

describe('the gate before a push', () => {
  test('a secret the model committed, and took out only later, never reaches the remote; the rest does', async () => {
    using bench = await createPlanBench()
    const commit = (message: string) => bench.git('commit', '-q', '-m', message)
    bench.put('a.txt', 'one\n')
    bench.git('add', '-A')
    commit('first')
    bench.put('config.ts', `const t = '${GITHUB_TOKEN}'\n`)
    bench.put('b.txt', 'two\n')
    bench.git('add', '-A')
    bench.git(
      'commit',
      '-q',
      '-m',
      'second',
      '--author',
      'A Person <p@example.org>',
      '--date',
      '2020-02-02T02:02:02Z',
    )
    bench.put('config.ts', "const t = process.env['T']\n")
    bench.put('.env', 'X=1')
    bench.git('add', '-A', '-f')
    commit('third')
    bench.put('.github/workflows/x.yml', 'on: push')
    bench.git('add', '-A')
    commit('fourth, of which nothing is left')
    await pushBranch(bench.plan)
    expect(bench.remoteHas(GITHUB_TOKEN)).toBe(false)
    const ref = branchOf(bench.plan)
    expect(bench.remote('log', '--format=%s|%an|%aI', ref).split('\n')).toEqual([
      expect.stringContaining('third|Ralph'),
      'second|A Person|2020-02-02T02:02:02+00:00',
      expect.stringContaining('first|Ralph'),
      expect.stringContaining('Start|'),
    ])
    expect(bench.remote('ls-tree', '-r', '--name-only', ref).split('\n')).toEqual([
      'README.md',
      'a.txt',
      'b.txt',
      'config.ts',
    ])
    expect(bench.remote('show', `${ref}:config.ts`)).toBe("const t = process.env['T']")
    // The branch and the remote agree; what is held lies in the checkout, uncommitted.
    expect(bench.git('rev-parse', 'HEAD')).toBe(bench.remote('rev-parse', ref))
    expect(readFileSync(join(bench.plan.start.checkout, '.env'), 'utf8')).toBe('X=1')
    expect(bench.events.map(({ type }) => type)).toContain('secret_blocked')
  })

  test('a clean history is pushed commit for commit as it is', async () => {
    using bench = await createPlanBench()
    bench.put('a.txt', 'one\n')
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'first')
    const head = bench.git('rev-parse', 'HEAD')
    await pushBranch(bench.plan)
    expect(bench.remote('rev-parse', branchOf(bench.plan))).toBe(head)
    expect(bench.git('log', '-1', '--format=%(trailers:key=Ralph-Plan,valueonly)')).toContain(
      bench.plan.start.id,
    )
  })

  test("a merge of the base brings the base's workflow files along", async () => {
    using bench = await createPlanBench()
    bench.put('a.txt', 'one\n')
    await commitLeftovers(bench.plan, 'Work')
    bench.pushBySomebody({ '.github/workflows/theirs.yml': 'on: push' })
    bench.git('fetch', '-q', 'origin')
    bench.git('merge', '-q', '--no-edit', 'origin/main')
    const head = bench.git('rev-parse', 'HEAD')
    await pushBranch(bench.plan)
    expect(bench.remote('rev-parse', branchOf(bench.plan))).toBe(head)
  })

  test("the model's own push meets the same gate, and is told what to do", async () => {
    using bench = await createPlanBench()
    bench.put('config.ts', `const t = '${GITHUB_TOKEN}'\n`)
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'oops')
    let said = ''
    try {
      bench.git('push', 'origin', 'HEAD')
    } catch (error) {
      said = String(error)
    }
    expect(said).toContain('config.ts: line 1 holds what looks like a secret (a GitHub token)')
    expect(said).toContain('Take it out of the commits themselves')
    expect(bench.remoteHas(GITHUB_TOKEN)).toBe(false)
    bench.put('config.ts', 'const t = 1\n')
    bench.git('commit', '-q', '-a', '--amend', '--no-edit')
    bench.git('push', '-q', 'origin', 'HEAD')
    expect(bench.remote('show', `${branchOf(bench.plan)}:config.ts`)).toBe('const t = 1')
  })

  test('a checkpoint holds neither what lies uncommitted nor what a commit below it holds', async () => {
    using bench = await createPlanBench()
    bench.put('config.ts', `const t = '${GITHUB_TOKEN}'\n`)
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'oops')
    const head = bench.git('rev-parse', 'HEAD')
    bench.put('.env', 'A=1')
    bench.put('half.txt', 'half done')
    const snapshot = await snapshotCommit(bench.plan, null)
    bench.git('push', '-q', '--no-verify', 'origin', `${snapshot?.commit}:refs/agent/x`)
    expect(bench.remoteHas(GITHUB_TOKEN)).toBe(false)
    expect(bench.remote('ls-tree', '-r', '--name-only', 'refs/agent/x').split('\n')).toEqual([
      'README.md',
      'half.txt',
    ])
    expect(bench.git('rev-parse', 'HEAD')).toBe(head)
    expect(bench.git('diff', '--cached', '--name-only')).toBe('')
  })
})

describe('hooks', () => {
  const withHook = async (script: string) => {
    const bench = await createPlanBench()
    const file = join(bench.plan.start.checkout, '.git/hooks/pre-commit')
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
    bench.put('a.txt', 'x')
    return bench
  }

  test('a failing one refuses finished work, with its words, and not what only keeps the work', async () => {
    using bench = await withHook('echo "lint: a.txt is not formatted" >&2; exit 1')
    expect(await commitLeftovers(bench.plan, 'Work', 'run')).toMatchObject({
      kind: 'hook_failed',
      output: expect.stringContaining('lint: a.txt is not formatted'),
    })
    expect(bench.git('log', '--format=%s')).toBe('Start')
    expect(await commitLeftovers(bench.plan, 'wip', 'skip')).toMatchObject({ kind: 'committed' })
  })

  test('one that passes runs, and what it stages is in the commit', async () => {
    using bench = await withHook('echo formatted > a.txt; git add a.txt')
    expect(await commitLeftovers(bench.plan, 'Work', 'run')).toMatchObject({ kind: 'committed' })
    expect(bench.git('show', 'HEAD:a.txt')).toBe('formatted')
  })
})

describe('a base that moved', () => {
  test('one that did not leaves everything as it is', async () => {
    using bench = await createPlanBench()
    bench.put('a.txt', 'x')
    await commitLeftovers(bench.plan, 'Work')
    expect(await rebaseOntoBase(bench.plan)).toEqual({ kind: 'current' })
  })

  test('the work goes on top, before and after a first push, with what is held back still in place', async () => {
    using bench = await createPlanBench({
      files: { 'README.md': '1', '.github/workflows/ci.yml': 'on: push' },
    })
    bench.put('a.txt', 'x')
    bench.put('.github/workflows/ci.yml', 'on: never')
    await commitLeftovers(bench.plan, 'Work')
    for (const name of ['theirs-1', 'theirs-2']) {
      const base = bench.pushBySomebody({ [name]: name })
      expect(await rebaseOntoBase(bench.plan)).toEqual({ kind: 'rebased', baseHead: base })
      await pushBranch(bench.plan)
      const ref = branchOf(bench.plan)
      expect(bench.remote('rev-list', '--count', `${base}..${ref}`)).toBe('1')
      expect(bench.remote('show', `${ref}:${name}`)).toBe(name)
      expect(readFileSync(join(bench.plan.start.checkout, '.github/workflows/ci.yml'), 'utf8')).toBe(
        'on: never',
      )
    }
    expect(bench.plan.journal.records().filter(({ kind }) => kind === 'prepared')).toHaveLength(3)
  })

  test('a conflict leaves the work as it is, names the files, and says how the model can resolve it', async () => {
    using bench = await createPlanBench()
    bench.put('README.md', 'mine\n')
    await commitLeftovers(bench.plan, 'Work')
    const head = bench.git('rev-parse', 'HEAD')
    const base = bench.pushBySomebody({ 'README.md': 'theirs\n' })
    const result = await rebaseOntoBase(bench.plan)
    expect(result).toEqual({ kind: 'conflict', baseHead: base, files: ['README.md'] })
    expect(bench.git('rev-parse', 'HEAD')).toBe(head)
    expect(bench.git('status', '--porcelain')).toBe('')
    expect(bench.events.find(({ type }) => type === 'conflict')?.text).toContain('README.md')
    expect(resolveConflict('main', { kind: 'conflict', baseHead: base, files: ['README.md'] })).toContain(
      `git rebase ${base.slice(0, 12)}`,
    )
  })

  test('a base that vanished is told, and the work stands', async () => {
    using bench = await createPlanBench()
    bench.put('a.txt', 'x')
    await commitLeftovers(bench.plan, 'Work')
    bench.remote('branch', '-m', 'main', 'trunk')
    expect(await rebaseOntoBase(bench.plan)).toEqual({
      kind: 'unknown',
      detail: 'The base branch main no longer exists; the work stays on the commit where it was.',
    })
  })
})

describe('a branch somebody else touched', () => {
  test('is not overwritten: the pause says what to do, and after that the push goes through', async () => {
    using bench = await createPlanBench()
    const ref = branchOf(bench.plan)
    bench.put('a.txt', 'x')
    await commitLeftovers(bench.plan, 'Work')
    await pushBranch(bench.plan)
    const ours = bench.remote('rev-parse', ref)
    const theirs = bench.pushBySomebody({ 'theirs.txt': 'y' }, ref)
    bench.put('b.txt', 'z')
    await commitLeftovers(bench.plan, 'More')
    await expect(pushBranch(bench.plan)).rejects.toMatchObject({
      name: 'PauseError',
      reason: 'git_refused',
      message: expect.stringContaining(
        `Another person or program pushed ${theirs.slice(0, 12)} to ${ref}. This plan does not overwrite that commit`,
      ),
    })
    await expect(pushBranch(bench.plan)).rejects.toThrow(`set ${ref} back to ${ours.slice(0, 12)}`)
    expect(bench.remote('rev-parse', ref)).toBe(theirs)
    expect(bench.git('status', '--porcelain')).toBe('')
    expect(bench.git('log', '-1', '--format=%s')).toBe('More')
    bench.remote('update-ref', `refs/heads/${ref}`, ours)
    await pushBranch(bench.plan)
    expect(bench.remote('log', '--format=%s', ref).split('\n')).toEqual(['More', 'Work', 'Start'])
  })

  test('our own commits written anew replace what we pushed', async () => {
    using bench = await createPlanBench()
    bench.put('a.txt', 'x')
    await commitLeftovers(bench.plan, 'Work')
    await pushBranch(bench.plan)
    bench.git('commit', '-q', '--amend', '-m', 'Better words')
    await pushBranch(bench.plan)
    expect(bench.remote('log', '--format=%s', branchOf(bench.plan))).toContain('Better words')
  })
})
