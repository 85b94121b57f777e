// The checks of vaults and documents, as a plan's user runs them: against a real commit, on a working tree that was changed.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { yamlProblem } from '../../../../agent/documents/yaml.ts'

const folder = mkdtempSync(join(tmpdir(), 'ralph-documents-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const MAIN = resolve(import.meta.dirname, '../../../../agent/main.ts')
const env = { PATH: process.env['PATH'], HOME: folder }

const VAULT = {
  '.obsidian/app.json': '{}',
  'Home.md':
    '---\ntags: [a, b]\n---\n# Home\nSee [[Projects/Plan|the plan]], [[plan#Next steps]], ![[pic.png|100]], [[missing]].\n\n`[[no link]]`\n\n```\n[[neither]]\n```\n',
  'Projects/Plan.md': '# Plan\n## Next: steps\nBack to [[Home]] and [home](../Home.md#home). ^block1\n',
  'assets/pic.png': '\u0089PNG-not-really',
  'notes/long.md': Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n'),
  'data.json': '{"a": 1}',
}

function open(files: Record<string, string>) {
  const root = mkdtempSync(join(folder, 'vault-'))
  const put = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, env, encoding: 'utf8' }).trim()
  for (const [path, content] of Object.entries(files)) put(path, content)
  git('init', '-q')
  git('add', '-A')
  git('-c', 'user.name=a', '-c', 'user.email=b', 'commit', '-qm', 'base')
  const base = git('rev-parse', 'HEAD')
  const check = (kind = 'obsidian', ...options: string[]) => {
    const ran = spawnSync(process.execPath, [MAIN, 'check-documents', kind, base, ...options], {
      cwd: root,
      env,
      encoding: 'utf8',
    })
    return { passed: ran.status === 0, said: ran.stdout + ran.stderr }
  }
  return { root, put, check }
}

describe('an Obsidian vault', () => {
  const vault = open(VAULT)

  test('passes as it was, though a link and a picture were broken before', () => {
    expect(vault.check()).toEqual({
      passed: true,
      said: '6 files; 0 new problems, 2 that were there before, 0 files lost\n',
    })
  })

  test.each([
    ['New.md', 'to [[Nowhere]]', 'New.md: [[Nowhere]] leads nowhere'],
    ['New.md', '[[Plan#Gone]]', '[[Plan#Gone]] leads nowhere'],
    ['New.md', '[[Plan#^nope]]', '[[Plan#^nope]] leads nowhere'],
    ['New.md', '[x](Projects/Gone.md)', 'the link to Projects/Gone.md leads nowhere'],
    ['New.md', '---\ntitle: a: b\n---\n', 'New.md: front matter: ": " in a value without quotes'],
    ['New.md', '---\ntitle: a\n', 'front matter is not closed'],
    ['New.canvas', '{', 'New.canvas: is not JSON'],
    ['New.md', '<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n', 'unresolved merge'],
    ['New.md', Buffer.from('caf\xe9 and more', 'latin1'), 'is not UTF-8'],
  ])('fails for %s with %j', (path, content, problem) => {
    vault.put(path, content)
    const { passed, said } = vault.check()
    rmSync(join(vault.root, path))
    expect(said).toContain(problem)
    expect(passed).toBe(false)
  })

  test.each([
    ['[[Projects/Plan]] [[plan.md]] [[Plan#^block1]] [[#Here]] [[Plan|x]]\n# Here'],
    ['| a |\n|---|\n| [[Plan\\|x]] |'],
    ['[a](Projects/Plan.md) [b](https://x/y) [c](<Projects/Plan.md>) [d](Plan) [[<% x %>]] [[{{title}}]]'],
    ['---\n\n# A rule at the top\n'],
  ])('lets pass %j', (content) => {
    vault.put('New.md', content)
    const { passed, said } = vault.check()
    rmSync(join(vault.root, 'New.md'))
    expect(said).toContain('0 new problems')
    expect(passed).toBe(true)
  })

  test('a note that is gone or emptied is lost, unless the plan asks for removals; one that moved is not', () => {
    const moved = open(VAULT)
    mkdirSync(join(moved.root, 'archive'))
    renameSync(join(moved.root, 'notes/long.md'), join(moved.root, 'archive/renamed.md'))
    expect(moved.check().passed).toBe(true)
    rmSync(join(moved.root, 'archive/renamed.md'))
    expect(moved.check()).toMatchObject({
      passed: false,
      said: expect.stringContaining('notes/long.md: lost'),
    })
    expect(moved.check('obsidian', '--may-remove').passed).toBe(true)
    moved.put('notes/long.md', '')
    expect(moved.check().passed).toBe(false)
  })

  test('a link to a note that was renamed is broken', () => {
    const renamed = open(VAULT)
    renameSync(join(renamed.root, 'Projects/Plan.md'), join(renamed.root, 'Projects/Scheme.md'))
    expect(renamed.check().said).toContain('Home.md: [[Projects/Plan|the plan]] leads nowhere')
  })

  test('a link of the file system out of the folder is not read', () => {
    const linked = open(VAULT)
    symlinkSync('/etc/passwd', join(linked.root, 'passwd.json'))
    expect(linked.check()).toMatchObject({ passed: true })
  })
})

describe('documents', () => {
  test.each([
    ['table.csv', 'a,b\n1,2\n3\n', 'table.csv: 1 rows have another number of fields'],
    ['table.csv', 'a,"b\n1,2\n', 'a quote that is not closed'],
    ['x.yaml', 'a: [1, 2\n', '[ is not closed'],
    ['x.jsonl', '{}\nno\n', '1 lines are not JSON'],
    ['x.docx', 'no zip', 'is no whole docx file'],
    ['x.pdf', '%PDF-1.7 cut', 'is no whole pdf file'],
    ['x.md', '[a](other.md#nothing)', 'the link to other.md#nothing leads nowhere'],
  ])('%s with %j is a problem', (path, content, problem) => {
    const documents = open({ 'other.md': '# Some `Title`, here\n' })
    documents.put(path, content)
    const { passed, said } = documents.check('documents')
    expect(said).toContain(problem)
    expect(passed).toBe(false)
  })

  test('whole ones are none', () => {
    const documents = open({ 'other.md': '# Some `Title`, here\n' })
    documents.put('t.csv', 'a,b\n"1,\n2",3\n\n')
    documents.put('x.yaml', 'a: 1\nb:\n  - c: "d: e"\n')
    documents.put('x.md', '[a](other.md#some-title-here) [b](./) ![p](x.yaml) [up](../../elsewhere.md)')
    documents.put('x.pdf', '%PDF-1.7\n%%EOF\n')
    expect(documents.check('documents')).toMatchObject({ passed: true })
  })

  test('an unknown base is an error, never a pass', () => {
    const { root } = open({ 'a.md': '' })
    const ran = spawnSync(process.execPath, [MAIN, 'check-documents', 'documents', 'f'.repeat(40)], {
      cwd: root,
      env,
    })
    expect(ran.status).toBe(1)
    expect(ran.stderr.toString()).toContain('git ls-tree failed')
  })
})

describe('YAML', () => {
  test.each([
    "a: 1\nb: two # c: d\nc: \"x: y\"\nd: 'it''s'\n",
    'list:\n- a\n- b: c\n  d: e\n',
    'text: |\n  a: b: c\n\ttab\n  "open\nnext: 1',
    'text: >-\n  [ open\n',
    'flow: [a,\n  "b]", c]\nmap: {a: b, c: [d]}',
    'link: "[[Note]]"\nother: [[Note]]\nurl: https://x/y:z\ntime: 10:30',
    'plain text\n  goes on here\n',
    'plain: starts\n  and goes on\n',
    '"quoted key": 1\n? complex\n: value',
    'a: &x 1\nb: *x\nc: !tag d',
    '- - a\n  - b\n-\n  c: d',
    '{"json": ["too"]}',
    'multi: "goes\n  on"\nnext: 1',
    'created: 2024-01-01T10:00:00\ntags: #empty',
  ])('%j is fine', (text) => {
    expect(yamlProblem(text, 'document')).toBeNull()
  })

  test.each([
    ['a: "open\n', 'is not closed'],
    ['a: [b, c\n', 'is not closed'],
    ['a: b: c\n', 'without quotes'],
    ['a: "b" c\n', 'text after the end'],
    ['a:\n\t- b\n', 'a tab'],
    ['a: 1\na: 2\n', 'twice'],
    ['a: 1\njust words\n', 'no "key: value"'],
    ['a: @b\n', 'cannot begin with @'],
    ['- a: b: c\n', 'without quotes'],
  ])('%j: %s', (text, problem) => {
    expect(yamlProblem(text, 'document')).toContain(problem)
  })
})
