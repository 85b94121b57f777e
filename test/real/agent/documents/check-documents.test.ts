// The checks of vaults and documents, as a plan's user runs them: against a real commit, on a working tree that was changed.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

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
  const put = (path: string, content: string) => {
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

  test('passes as it was, though a link was broken before', () => {
    expect(vault.check()).toEqual({
      passed: true,
      said: '6 files; 0 new problems, 1 that were there before, 0 files lost\n',
    })
  })

  test.each([
    ['New.md', 'to [[Nowhere]]', 'New.md: [[Nowhere]] leads nowhere'],
    ['New.md', '[[Plan#Gone]]', '[[Plan#Gone]] leads nowhere'],
    ['New.md', '[[Plan#^nope]]', '[[Plan#^nope]] leads nowhere'],
    ['New.md', '[x](Projects/Gone.md)', 'the link to Projects/Gone.md leads nowhere'],
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
  test('a link to a heading that is not there is a problem', () => {
    const documents = open({ 'other.md': '# Some `Title`, here\n' })
    documents.put('x.md', '[a](other.md#nothing)')
    const { passed, said } = documents.check('documents')
    expect(said).toContain('x.md: the link to other.md#nothing leads nowhere')
    expect(passed).toBe(false)
  })

  test('links to headings, folders, files and out of the repository are none', () => {
    const documents = open({ 'other.md': '# Some `Title`, here\n' })
    documents.put('x.yaml', 'a: 1\n')
    documents.put('x.md', '[a](other.md#some-title-here) [b](./) ![p](x.yaml) [up](../../elsewhere.md)')
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
