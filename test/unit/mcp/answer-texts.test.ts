// Some clients show their model only the text of an answer: it holds every word and number of the structured form.
import { describe, expect, it } from 'vitest'
import { diffText } from '../../../src/mcp/kit/diff-text.ts'
import { toBranch, toDiffFile, toWorkspace } from '../../../src/mcp/kit/shapes.ts'
import { branchesText, workspaceText } from '../../../src/mcp/kit/workspace-text.ts'

/** Every word and number in the value, but the names of its fields. */
function leaves(value: unknown): string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : []
}

const missing = (text: string, value: unknown) =>
  leaves(value)
    .flatMap((leaf) => leaf.split('\n'))
    .filter((line) => !text.includes(line))

describe('the text of a workspace', () => {
  const shape = toWorkspace({
    name: 'site',
    gitRemote: 'https://git.test/o/site.git',
    branch: 'main',
    status: 'ready',
    statusDetail: 'All is well.',
    vm: { id: 'vm-7', url: 'https://orgo.test/vm-7', status: 'running', adopted: true },
    webhook: { status: 'unknown', howTo: 'Add a webhook.' },
    setup: '',
    checks: [],
    maxParallel: 2,
    openPr: false,
    activePlans: 3,
    queuedPlans: 11,
    warnings: ['The disk is small.', 'No users.'],
    createdAtMs: 1_795_000_000_000,
  })

  it('holds all but the name and status, which stand before it', () => {
    expect(missing(`site is ready\n${workspaceText(shape)}`, shape)).toEqual([])
    expect(workspaceText(shape)).toContain('adopted')
  })

  it('holds the branches, and says what is not known', () => {
    const branch = toBranch({
      branch: 'agent/1',
      planId: 'p-1',
      planStatus: 'completed',
      mergeStatus: 'open',
      head: 'c'.repeat(40),
      ahead: 4,
      behind: 5,
      conflicts: true,
      commits: [{ sha: 'd'.repeat(40), subject: 'Fix it' }],
      prUrl: 'https://git.test/pull/9',
    })
    const text = branchesText([branch], '2026-11-30T00:00:00.000Z')
    expect(missing(text, branch)).toEqual([])
    expect(text).toContain('conflicts with its base')
    const unknown = branchesText([{ ...branch, head: null, ahead: null, behind: null, conflicts: null }], '')
    expect(unknown).toContain('head not known; ahead not known, behind not known; conflicts not known')
  })
})

describe('the text of a diff', () => {
  const files = [
    { path: 'a.ts', status: 'modified' as const, hunks: [{ header: '@@ -1 +1 @@', text: '-a\n+b' }] },
    { path: 'new.md', status: 'added' as const, mode: '100755', hunks: [] },
    { path: 'old.png', status: 'deleted' as const, binary: true, hunks: [] },
    {
      path: 'to.ts',
      oldPath: 'from.ts',
      status: 'renamed' as const,
      hunks: [{ header: '@@ -2 +2 @@', text: ' ```\n+````\n', part: 2, parts: 3, clippedLines: 1 }],
    },
  ].map(toDiffFile)

  it('is a unified diff that holds all of the files, in a fence that none of their lines can close', () => {
    const text = diffText(files)
    expect(missing(text, files)).toEqual([])
    expect(text).toMatch(/^`````diff\n# modified\n--- a\/a\.ts\n\+\+\+ b\/a\.ts\n@@ -1 \+1 @@\n-a\n\+b\n/)
    expect(text).toMatch(/\n`````$/)
    expect(text).toContain('--- /dev/null\n+++ b/new.md')
    expect(text).toContain('--- a/old.png\n+++ /dev/null')
    expect(text).toContain('--- a/from.ts\n+++ b/to.ts')
    expect(text).toContain('(part 2 of 3)')
    expect(text).toContain('1 line of this hunk cut for length')
  })

  it('names a path once where the names alone would make the page too long', () => {
    const long = Array.from({ length: 30 }, (_, at) =>
      toDiffFile({ path: `${at}${'x'.repeat(800)}`, status: 'modified', hunks: [] }),
    )
    const text = diffText(long)
    expect(text.length).toBeLessThan(30 * 900)
    expect(missing(text, long)).toEqual([])
  })
})
