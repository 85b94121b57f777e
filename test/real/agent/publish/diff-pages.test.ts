// The diff a VM hands in, from real git: put together again its pages are the very patch, each fits below 10,000 tokens, and
// nothing in it can hide.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readDiff } from '../../../../agent/publish/hand-in-diff.ts'
import { createGit } from '../../../../agent/git/git.ts'
import { MAX_DIFF_PAGE_BYTES, MAX_DIFF_PAGES } from '../../../../src/shared/protocol.ts'
import type { DiffFile } from '../../../../src/shared/protocol.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

const env = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'T',
  GIT_AUTHOR_EMAIL: 't@test.invalid',
  GIT_COMMITTER_NAME: 'T',
  GIT_COMMITTER_EMAIL: 't@test.invalid',
}

function createRepo() {
  const folder = mkdtempSync(join(tmpdir(), 'aer-diff-'))
  made.push(folder)
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 1e9 }).trim()
  git('init', '--quiet', '--initial-branch=main')
  return {
    folder,
    git,
    write(path: string, text: string | Buffer) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    },
    commit() {
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '-m', 'x')
      return git('rev-parse', 'HEAD')
    },
    diff: (base: string | null, head: string) => readDiff({ git: createGit(folder, env), env }, base, head),
  }
}

type Repo = ReturnType<typeof createRepo>

/** Lines that differ from file to file; `salt` changes every tenth. */
const source = (name: string, lines: number, salt = '') =>
  Array.from(
    { length: lines },
    (_, n) => `${name} line ${n} ${n % 10 === 0 ? salt : ''} ${'-'.repeat(n % 60)}`,
  ).join('\n') + '\n'

/** Writes the pages down as a patch and has git apply it to the base: a hunk lost, doubled or changed shows. */
function treeOfPages(repo: Repo, base: string, pages: DiffFile[][]): string {
  const files = new Map<string, DiffFile>()
  for (const file of pages.flat()) {
    const known = files.get(file.path)
    if (known === undefined) files.set(file.path, { ...file, hunks: [...file.hunks] })
    else known.hunks.push(...file.hunks)
  }
  const patch = [...files.values()].map((file) => {
    const from = file.oldPath ?? file.path
    const kind =
      file.status === 'added'
        ? 'new file mode 100644\n'
        : file.status === 'deleted'
          ? 'deleted file mode 100644\n'
          : file.status === 'renamed'
            ? `rename from ${from}\nrename to ${file.path}\n`
            : ''
    const names = `--- ${file.status === 'added' ? '/dev/null' : `a/${from}`}\n+++ ${file.status === 'deleted' ? '/dev/null' : `b/${file.path}`}\n`
    const hunks = file.hunks.map(({ header, text, part }) =>
      (part ?? 1) === 1 ? `${header}\n${text}\n` : `${text}\n`,
    )
    return `diff --git a/${from} b/${file.path}\n${kind}${hunks.length === 0 ? '' : names}${hunks.join('')}`
  })
  const index = { ...env, GIT_INDEX_FILE: join(repo.folder, '.git/pages-index') }
  const options = { cwd: repo.folder, env: index, encoding: 'utf8' as const, maxBuffer: 1e9 }
  execFileSync('git', ['read-tree', base], options)
  execFileSync('git', ['apply', '--cached', '--unidiff-zero', '--whitespace=nowarn', '-'], {
    ...options,
    input: patch.join(''),
  })
  return execFileSync('git', ['write-tree'], options).trim()
}

describe('the pages of a diff', () => {
  it('are the whole of 10 MB, each hunk once, each page below 10,000 tokens', async () => {
    const repo = createRepo()
    for (let n = 0; n < 300; n++) repo.write(`src/d${n % 7}/f${n}.ts`, source(`f${n}`, 400))
    repo.write('one-hunk.txt', source('old', 20_000))
    const base = repo.commit()
    for (let n = 0; n < 300; n++) repo.write(`src/d${n % 7}/f${n}.ts`, source(`f${n}`, 400, 'changed'))
    repo.write('one-hunk.txt', source('new', 20_000))
    for (let n = 0; n < 80; n++) repo.write(`made/m${n}.ts`, source(`m${n}`, 1_000))
    const head = repo.commit()
    const bytes = Number(
      execFileSync('sh', ['-c', `git diff ${base} ${head} | wc -c`], {
        cwd: repo.folder,
        env,
        encoding: 'utf8',
      }),
    )
    expect(bytes).toBeGreaterThan(10_000_000)
    const { pages, totals } = await repo.diff(base, head)
    const [, files, additions, deletions] =
      /(\d+) files changed, (\d+) insertions\(\+\), (\d+) deletions/.exec(
        repo.git('diff', '--shortstat', base, head),
      ) ?? []
    expect(totals).toEqual({
      files: Number(files),
      additions: Number(additions),
      deletions: Number(deletions),
      omittedFiles: 0,
    })
    expect(Math.max(...pages.map((page) => Buffer.byteLength(JSON.stringify(page))))).toBeLessThan(
      MAX_DIFF_PAGE_BYTES,
    )
    const parts = pages.flat().filter(({ path }) => path === 'one-hunk.txt')
    expect(parts.flatMap(({ hunks }) => hunks.map(({ part }) => part))).toEqual(
      Array.from({ length: parts.length }, (_, n) => n + 1),
    )
    expect(treeOfPages(repo, base, pages)).toBe(repo.git('rev-parse', `${head}^{tree}`))
  })

  it('tell renames, deletions, new and empty files, modes, kinds and binaries; no change is no page', async () => {
    const repo = createRepo()
    repo.write('old name.txt', source('r', 50))
    repo.write('gone.txt', '-- a line that looks like a header\nplain\n')
    repo.write('tool.sh', 'echo\n')
    repo.write('bin', Buffer.from([0, 1, 2, 255]))
    repo.write('link', 'a file\n')
    repo.write('end', 'no newline')
    const base = repo.commit()
    repo.git('mv', 'old name.txt', 'new name.txt')
    repo.write('new name.txt', source('r', 50, 'x'))
    rmSync(join(repo.folder, 'gone.txt'))
    chmodSync(join(repo.folder, 'tool.sh'), 0o755)
    repo.write('bin', Buffer.from([0, 1, 2, 254]))
    rmSync(join(repo.folder, 'link'))
    symlinkSync('elsewhere', join(repo.folder, 'link'))
    repo.write('end', 'no newline either')
    repo.write('empty', '')
    const head = repo.commit()
    const { pages } = await repo.diff(base, head)
    const found = pages
      .flat()
      .map(({ hunks, ...file }) => ({ ...file, hunks: hunks.map(({ text }) => text) }))
    expect(found.filter(({ path }) => path !== 'new name.txt')).toEqual([
      { path: 'bin', status: 'modified', binary: true, hunks: [] },
      { path: 'empty', status: 'added', hunks: [] },
      {
        path: 'end',
        status: 'modified',
        hunks: [
          '-no newline\n\\ No newline at end of file\n+no newline either\n\\ No newline at end of file',
        ],
      },
      {
        path: 'gone.txt',
        status: 'deleted',
        hunks: ['--- a line that looks like a header\n-plain'],
      },
      { path: 'link', status: 'deleted', hunks: ['-a file'] },
      { path: 'link', status: 'added', hunks: ['+elsewhere\n\\ No newline at end of file'] },
      { path: 'tool.sh', status: 'modified', mode: '100644 -> 100755', hunks: [] },
    ])
    expect(found.find(({ path }) => path === 'new name.txt')).toMatchObject({
      status: 'renamed',
      oldPath: 'old name.txt',
    })
    expect((await repo.diff(head, head)).pages).toEqual([])
    expect((await repo.diff(null, base)).totals.files).toBe(6)
  })

  it.each([
    ['spaces and b/ inside', 'a b/c d b/x.txt', 'a b/c d b/x.txt'],
    ['quotes and a backslash', 'say "hi"\\.txt', 'say "hi"\\.txt'],
    ['letters of other scripts', 'größe/漢字 🙂.txt', 'größe/漢字 🙂.txt'],
    ['a tab and a line feed', 'a\tb\nc.txt', 'a␉b␊c.txt'],
    ['an override of direction', 'photo\u202Egpj.exe', 'photo<U+202E>gpj.exe'],
  ])('name a file with %s', async (_what, name, shown) => {
    const repo = createRepo()
    const base = repo.commit()
    repo.write(name, 'x\n')
    const head = repo.commit()
    expect((await repo.diff(base, head)).pages).toEqual([
      [{ path: shown, status: 'added', hunks: [{ header: '@@ -0,0 +1 @@', text: '+x' }] }],
    ])
    repo.write(name, 'y\n')
    expect((await repo.diff(head, repo.commit())).pages[0]?.[0]?.path).toBe(shown)
  })

  it('show what would hide, and cut long lines with a count', async () => {
    const repo = createRepo()
    const base = repo.commit()
    repo.write('a.c', 'if (x) {\u202E } \u2066// check\u200B\r\n\u001b[31mred\n\tkeep\n')
    repo.write('b.min.js', `${'漢'.repeat(3_000_000)}\nshort\n`)
    const { pages } = await repo.diff(base, repo.commit())
    const [a, b] = pages.flat()
    expect(a?.hunks[0]?.text).toBe('+if (x) {<U+202E> } <U+2066>// check<U+200B>␍\n+␛[31mred\n+\tkeep')
    expect(b?.hunks[0]).toMatchObject({ clippedLines: 1, text: expect.stringMatching(/^\+漢+…\n\+short$/) })
    expect(Buffer.byteLength(JSON.stringify(pages[0]))).toBeLessThan(MAX_DIFF_PAGE_BYTES)
  })

  it('end at the cap, and say how many files they leave out', async () => {
    const repo = createRepo()
    const base = repo.commit()
    for (let n = 0; n < 5; n++) repo.write(`f${n}.txt`, `${'y'.repeat(99)}\n`.repeat(60_000))
    const head = repo.commit()
    const { pages, totals } = await repo.diff(base, head)
    expect(pages).toHaveLength(MAX_DIFF_PAGES)
    expect(totals).toEqual({ files: 5, additions: 300_000, deletions: 0, omittedFiles: 2 })
  })

  it('do not depend on what the configuration of the repository asks of git', async () => {
    const repo = createRepo()
    repo.write('a.txt', 'one\n')
    const base = repo.commit()
    repo.write('a.txt', 'two\n')
    const head = repo.commit()
    const plain = await repo.diff(base, head)
    for (const [name, value] of [
      ['diff.noprefix', 'true'],
      ['diff.mnemonicPrefix', 'true'],
      ['color.ui', 'always'],
      ['diff.external', 'false'],
      ['diff.context', '0'],
      ['diff.wordRegex', '.'],
      ['diff.orderFile', '/nonexistent'],
    ] as const)
      repo.git('config', name, value)
    expect(await repo.diff(base, head)).toEqual(plain)
  })
})
