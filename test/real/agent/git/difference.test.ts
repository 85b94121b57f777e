// The difference is read whole and from the commits alone, by real git: no attribute, setting or file of the checkout hides
// anything in it.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readDifference } from '../../../../agent/git/difference.ts'
import type { Difference } from '../../../../agent/git/difference.ts'
import { createGit, GIT_ENV } from '../../../../agent/git/git.ts'
import { readingsOf } from '../../../../agent/proof/judge-readings.ts'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

type Files = Record<string, string | Buffer | null>

/** A repository whose commits are made from tables of files; null deletes one. */
function openRepository(home = '/nonexistent') {
  const folder = mkdtempSync(join(tmpdir(), 'difference-'))
  folders.push(folder)
  const env = { PATH: process.env['PATH'], HOME: home, ...GIT_ENV }
  const git = createGit(folder, env)
  const run = (...args: string[]) =>
    execFileSync('git', args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
      .toString()
      .trim()
  run('init', '--quiet')
  return {
    folder,
    git,
    run,
    write(files: Files) {
      for (const [path, content] of Object.entries(files)) {
        if (content === null) {
          rmSync(join(folder, path))
          continue
        }
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), content)
      }
    },
    commit(files: Files = {}) {
      this.write(files)
      run('add', '--all', '--force')
      run('commit', '--quiet', '--allow-empty', '--message', 'x')
      return run('rev-parse', 'HEAD')
    },
  }
}

const withoutAttributes = ({ files }: Difference) => files.filter(({ path }) => path !== '.gitattributes')

describe('attributes change nothing', () => {
  const base = { 'src/a.py': 'def a():\n    return 1\n', 'keep.txt': 'x\n' }
  const work = { 'src/a.py': 'def a():\n    return 2\n', 'src/b.py': 'def b():\n    return 3\n' }
  let plain: Difference
  beforeAll(async () => {
    const repository = openRepository()
    const from = repository.commit(base)
    plain = await readDifference(repository.git, from, repository.commit(work))
  })

  test('without any, the difference is what was changed', () => {
    expect(plain.files).toMatchObject([
      { path: 'src/a.py', kind: 'changed', class: 'source', additions: 1, deletions: 1, isWhole: true },
      { path: 'src/b.py', kind: 'added', class: 'source', additions: 2, deletions: 0, sizes: [0, 22] },
    ])
    expect(plain.files[0]?.text).toBe('@@ -1,2 +1,2 @@\n def a():\n-    return 1\n+    return 2')
    expect(plain.changes).toEqual([
      { path: 'src/a.py', kind: 'changed' },
      { path: 'src/b.py', kind: 'added' },
    ])
  })

  test.each([
    '*.py -diff',
    '*.py binary',
    '*.py export-ignore',
    '*.py diff=hide',
    '*.py filter=hide',
    '*.py diff=css',
    '*.py working-tree-encoding=UTF-16',
    '*.py -text linguist-generated',
  ])('`%s` of the head, of the base, of the repository and of the person', async (line) => {
    const home = mkdtempSync(join(tmpdir(), 'difference-home-'))
    folders.push(home)
    writeFileSync(join(home, 'attributes'), `${line}\n`)
    const repository = openRepository(home)
    for (const [name, value] of [
      ['diff.hide.textconv', 'true'],
      ['diff.hide.command', 'true'],
      ['diff.hide.binary', 'true'],
      ['filter.hide.clean', 'cat'],
      ['filter.hide.smudge', 'cat'],
    ] as const)
      repository.run('config', name, value)
    const from = repository.commit(base)
    const attributes = { '.gitattributes': `${line}\n` }
    // With an encoding the files of the checkout would be converted, so the attribute file comes in a commit of its own.
    repository.commit(work)
    writeFileSync(join(repository.folder, '.gitattributes'), `${line}\n`)
    repository.run('add', '.gitattributes')
    repository.run('commit', '--quiet', '--message', 'attributes')
    const head = repository.run('rev-parse', 'HEAD')
    mkdirSync(join(repository.folder, '.git/info'), { recursive: true })
    writeFileSync(join(repository.folder, '.git/info/attributes'), attributes['.gitattributes'])
    writeFileSync(join(home, '.gitconfig'), `[core]\n\tattributesFile = ${join(home, 'attributes')}\n`)
    const read = await readDifference(repository.git, from, head)
    expect(withoutAttributes(read)).toEqual(plain.files)
    expect(read.files[0]).toMatchObject({ path: '.gitattributes', text: `@@ -0,0 +1 @@\n+${line}` })
  })

  test('an attribute does not choose the words behind `@@` either', async () => {
    const body = 'class A:\n    def f(self):\n        a()\n        b()\n        c()\n        d()\n'
    const texts: (string | undefined)[] = []
    for (const attributes of ['', '*.py diff=python\n']) {
      const repository = openRepository()
      const from = repository.commit({ 'a.py': body })
      const head = repository.commit({ 'a.py': `${body}        e()\n`, '.gitattributes': attributes })
      texts.push((await readDifference(repository.git, from, head)).files.at(-1)?.text)
    }
    expect(texts[0]).toContain('@@ class A:')
    expect(texts[1]).toBe(texts[0])
  })

  test('settings of the repository change nothing either', async () => {
    const repository = openRepository()
    const from = repository.commit(base)
    const head = repository.commit(work)
    writeFileSync(join(repository.folder, 'order'), 'src/b.py\n')
    for (const [name, value] of [
      ['diff.noprefix', 'true'],
      ['diff.context', '0'],
      ['diff.orderFile', join(repository.folder, 'order')],
      ['diff.external', 'true'],
      ['color.diff', 'always'],
      ['diff.renames', 'copies'],
      ['diff.ignoreSubmodules', 'all'],
      ['diff.suppressBlankEmpty', 'true'],
      ['core.quotePath', 'false'],
    ] as const)
      repository.run('config', name, value)
    expect(await readDifference(repository.git, from, head)).toEqual(plain)
  })

  test('a file of the checkout is never taken for what was committed', async () => {
    const repository = openRepository()
    const from = repository.commit(base)
    const head = repository.commit(work)
    // Size and time of the other file are those that the index knows, so git would read it instead of the blob.
    repository.run('config', 'core.trustctime', 'false')
    repository.run('config', 'core.checkStat', 'minimal')
    const file = join(repository.folder, 'src/a.py')
    utimesSync(file, 1_000_000_000, 1_000_000_000)
    repository.run('update-index', '--refresh')
    writeFileSync(file, 'def a():\n    return 9\n')
    utimesSync(file, 1_000_000_000, 1_000_000_000)
    expect(repository.run('diff-tree', '-p', from, head)).toContain('return 9')
    writeFileSync(join(repository.folder, '.gitattributes'), '* -diff\n')
    expect(await readDifference(repository.git, from, head)).toEqual(plain)
  })

  test('a replaced object is not taken for the committed one', async () => {
    const repository = openRepository()
    const from = repository.commit(base)
    const head = repository.commit(work)
    const harmless = repository.run('commit-tree', `${from}^{tree}`, '-p', from, '-m', 'harmless')
    repository.run('replace', head, harmless)
    expect(await readDifference(repository.git, from, head)).toEqual(plain)
  })
})

describe('what kind of file it is', () => {
  test('binaries are named with their size; a stray NUL in source hides nothing', async () => {
    const repository = openRepository()
    const picture = Buffer.from(Array.from({ length: 4_000 }, (_, n) => (n * 37) % 256))
    const from = repository.commit({ 'logo.png': picture, 'a.js': 'a()\n'.repeat(100) })
    const head = repository.commit({
      'logo.png': Buffer.concat([picture, picture]),
      'a.js': `${'a()\n'.repeat(100)}// \0\nevil()\n`,
    })
    const { files } = await readDifference(repository.git, from, head)
    expect(files).toMatchObject([
      { path: 'a.js', class: 'source', additions: 2 },
      { path: 'logo.png', class: 'binary', text: '', sizes: [4_000, 8_000], additions: 0 },
    ])
    expect(files[0]?.text).toMatch(/\+\/\/ \u2400\n\+evil\(\)$/)
  })

  test('links come with their target, programs with their mode, submodules with their commit', async () => {
    const repository = openRepository()
    const from = repository.commit({ 'run.sh': 'true\n', 'file.txt': 'one\n' })
    chmodSync(join(repository.folder, 'run.sh'), 0o755)
    symlinkSync('/tmp/data', join(repository.folder, 'data'))
    rmSync(join(repository.folder, 'file.txt'))
    symlinkSync('other', join(repository.folder, 'file.txt'))
    repository.run('update-index', '--add', '--cacheinfo', `160000,${'b'.repeat(40)},lib`)
    mkdirSync(join(repository.folder, 'lib'))
    writeFileSync(join(repository.folder, '.gitmodules'), '[submodule "lib"]\n\tpath = lib\n\tignore = all\n')
    repository.run('add', '.gitmodules', 'run.sh', 'data', 'file.txt')
    repository.run('commit', '--quiet', '--message', 'x')
    const head = repository.run('rev-parse', 'HEAD')
    const { files } = await readDifference(repository.git, from, head)
    expect(files.slice(1)).toMatchObject([
      { path: 'data', modes: ['000000', '120000'], text: expect.stringContaining('+/tmp/data') },
      {
        path: 'file.txt',
        kind: 'changed',
        modes: ['100644', '120000'],
        text: expect.stringMatching(/-one\n[^]*\+other/),
      },
      { path: 'lib', modes: ['000000', '160000'], text: expect.stringContaining(`+Subproject commit bbbb`) },
      { path: 'run.sh', kind: 'changed', modes: ['100644', '100755'], text: '' },
    ])
  })

  test('strange names and lines that look like headers change no other file', async () => {
    const repository = openRepository()
    const forged = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n'
    const from = repository.commit({ 'a.txt': forged, 'we"ird\nname é': 'a\n' })
    const head = repository.commit({ 'a.txt': `${forged}${forged}`, 'we"ird\nname é': 'b\n', empty: '' })
    const { files } = await readDifference(repository.git, from, head)
    expect(files).toMatchObject([
      { path: 'a.txt', additions: 4, deletions: 0 },
      { path: 'empty', kind: 'added', additions: 0, text: '' },
      { path: 'we"ird\nname é', additions: 1, deletions: 1, text: '@@ -1 +1 @@\n-a\n+b' },
    ])
  })

  test('the first work of a repository is compared with nothing', async () => {
    const repository = openRepository()
    const head = repository.commit({ a: 'a\n' })
    const { changes } = await readDifference(repository.git, null, head)
    expect(changes).toEqual([{ path: 'a', kind: 'added' }])
  })
})

describe('long differences', () => {
  const rows = (name: string, count: number) =>
    `${Array.from({ length: count }, (_, n) => `${name} ${n}`).join('\n')}\n`

  test('a header of a generated file counts where the base has it, and not where the work adds it', async () => {
    const header = '// Code generated by gen. DO NOT EDIT.\n'
    const repository = openRepository()
    const from = repository.commit({
      'gen.go': `${header}${rows('a', 6_000)}`,
      'own.go': rows('a', 6_000),
      'late.go': `${rows('a', 20)}${header}${rows('a', 6_000)}`,
    })
    const head = repository.commit({
      'gen.go': `${header}${rows('b', 6_000)}`,
      'own.go': `${header}${rows('a', 6_000)}${rows('b', 50)}`,
      'late.go': `${rows('b', 20)}${header}${rows('b', 6_000)}`,
      'new.pb.go': header,
    })
    const { files } = await readDifference(repository.git, from, head)
    expect(files.map(({ path, class: type }) => [path, type])).toEqual([
      ['gen.go', 'generated'],
      ['late.go', 'source'],
      ['new.pb.go', 'generated'],
      ['own.go', 'source'],
    ])
  })

  test('more than git reads at once comes in parts, and a file too large for one is named as not read', async () => {
    const repository = openRepository()
    const large = (bytes: number) => Buffer.alloc(bytes, 'line\n')
    const before = large(9_000_000)
    const from = repository.commit({ 'x.txt': before, 'y.txt': large(7_000_000) })
    const head = repository.commit({
      'a.txt': 'a\n',
      'big.txt': large(17_000_000),
      'long.txt': large(3_000_000),
      'node_modules/x/index.js': large(1_000),
      'x.txt': Buffer.concat([before.subarray(0, 6_000_000), Buffer.from('one\n')]),
      'y.txt': Buffer.concat([large(7_000_000), Buffer.from('two\n')]),
    })
    const { files } = await readDifference(repository.git, from, head)
    expect(files.map(({ path, isWhole, additions }) => [path, isWhole, additions])).toEqual([
      ['a.txt', true, 1],
      ['big.txt', false, 0],
      ['long.txt', false, 0],
      ['node_modules/x/index.js', false, 0],
      ['x.txt', false, 0],
      ['y.txt', true, 1],
    ])
    expect(readingsOf(files)).toMatchObject({
      leftOut: [{ path: 'node_modules/x/index.js' }],
      unread: ['big.txt', 'long.txt', 'x.txt'],
    })
  })
})
