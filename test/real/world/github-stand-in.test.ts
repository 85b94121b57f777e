// The API of GitHub's stand-in, on real repositories.
import { describe, expect, it } from 'vitest'
import { BRANCH, TOKEN, useGithub } from '../support/github-bench.ts'

const hub = useGithub()

describe('the API', () => {
  it('shows nothing without a token, with a wrong one, or of an unknown repository', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }])
      expect((await fetch(`${hub.github.url}/repos/stand-in/${hub.repo}`, { headers })).status).toBe(404)
    const headers = { authorization: `Bearer ${TOKEN}` }
    expect((await fetch(`${hub.github.url}/repos/stand-in/unknown`, { headers })).status).toBe(404)
    expect((await fetch(`${hub.github.url}/repos/other/${hub.repo}`, { headers })).status).toBe(404)
    expect(await hub.api('')).toMatchObject({
      status: 200,
      body: {
        full_name: `stand-in/${hub.repo}`,
        default_branch: 'main',
        clone_url: `${hub.gitHost.url}/stand-in/${hub.repo}.git`,
        permissions: { push: true },
      },
    })
  })

  it('compares two branches by commits and files', async () => {
    const base = await hub.git('rev-parse', 'main')
    const head = await hub.commits(BRANCH, { 'a.txt': 'one\n', 'README.md': '# changed\n' })
    const { body } = await hub.api(`/compare/main...${encodeURIComponent(BRANCH)}`)
    expect(body).toMatchObject({
      status: 'ahead',
      ahead_by: 2,
      behind_by: 0,
      merge_base_commit: { sha: base },
      commits: [{ commit: { message: 'Change a.txt' } }, { sha: head }],
      files: [
        { filename: 'README.md', status: 'modified' },
        { filename: 'a.txt', status: 'added', additions: 1, deletions: 0, patch: '@@ -0,0 +1 @@\n+one' },
      ],
    })
    const other = await hub.commits('other', { 'b.txt': 'two\n' })
    const status = async (range: string) => (await hub.api(`/compare/${range}`)).body
    expect(await status(`${BRANCH}...main`)).toMatchObject({ status: 'behind', ahead_by: 0, behind_by: 2 })
    expect(await status(`main...main`)).toMatchObject({ status: 'identical', commits: [], files: [] })
    expect(await status(`${head}...${other}`)).toMatchObject({
      status: 'diverged',
      ahead_by: 1,
      behind_by: 2,
    })
    expect((await hub.api('/compare/main...nothing')).status).toBe(404)
    expect((await hub.api('/compare/main...--output=x')).status).toBe(404)
  })

  it('names renamed, removed and oddly named files', async () => {
    await hub.commits('main', { 'old name.txt': 'the same\ntext\nin both\n', 'gone.txt': 'x\n' })
    await hub.commits(BRANCH, { 'quote"\u00E9.txt': 'y\n' })
    const tree = (await hub.git('ls-tree', '-z', BRANCH))
      .split('\0')
      .filter((line) => line !== '' && !line.endsWith('gone.txt'))
      .map((line) => line.replace('old name.txt', 'new name.txt'))
    const made = hub.mktree(tree)
    await hub.git(
      'update-ref',
      `refs/heads/${BRANCH}`,
      await hub.git('commit-tree', made, '-p', BRANCH, '-m', 'Move'),
    )
    expect((await hub.api(`/compare/main...${BRANCH}`)).body).toMatchObject({
      files: [
        { filename: 'gone.txt', status: 'removed', deletions: 1, patch: '@@ -1 +0,0 @@\n-x' },
        { filename: 'new name.txt', previous_filename: 'old name.txt', status: 'renamed', changes: 0 },
        { filename: 'quote"\u00E9.txt', status: 'added', additions: 1 },
      ],
    })
  })

  it('reads and deletes a branch, and never the default one', async () => {
    const head = await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    expect((await hub.api(`/git/ref/heads/${BRANCH}`)).body).toMatchObject({ object: { sha: head } })
    expect((await hub.api(`/branches/${BRANCH}`)).body).toMatchObject({ name: BRANCH, commit: { sha: head } })
    expect((await hub.api(`/git/refs/heads/${BRANCH}`, { method: 'DELETE' })).status).toBe(204)
    expect((await hub.api(`/git/ref/heads/${BRANCH}`)).status).toBe(404)
    expect((await hub.api(`/git/refs/heads/${BRANCH}`, { method: 'DELETE' })).status).toBe(422)
    expect((await hub.api('/git/refs/heads/main', { method: 'DELETE' })).status).toBe(422)
    expect(hub.payloads('push')).toMatchObject([
      { ref: `refs/heads/${BRANCH}`, deleted: true, after: '0'.repeat(40) },
    ])
    expect(hub.payloads('delete')).toMatchObject([{ ref: BRANCH, ref_type: 'branch' }])
  })

  it('opens one pull request a branch and finds it by head, state and commit', async () => {
    const head = await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    const made = await hub.post('/pulls', { title: 'Do it', head: BRANCH, base: 'main', body: 'why' })
    expect(made).toMatchObject({
      status: 201,
      body: { number: 1, state: 'open', head: { ref: BRANCH, sha: head } },
    })
    expect(await hub.post('/pulls', { title: 'Again', head: BRANCH, base: 'main' })).toMatchObject({
      status: 422,
    })
    expect(await hub.post('/pulls', { title: 'None', head: 'none', base: 'main' })).toMatchObject({
      status: 422,
    })
    expect(await hub.post('/pulls', { head: BRANCH })).toMatchObject({ status: 422 })
    await hub.commits('same', {})
    expect(await hub.post('/pulls', { title: 'Nothing', head: 'same', base: 'main' })).toMatchObject({
      status: 422,
      body: { message: 'No commits between main and same' },
    })
    const list = async (query: string) => (await hub.api(`/pulls?${query}`)).body
    expect(await list(`head=stand-in:${encodeURIComponent(BRANCH)}&state=all`)).toMatchObject([{ number: 1 }])
    expect(await list('head=stand-in:other&state=all')).toEqual([])
    expect(await list('state=closed')).toEqual([])
    expect((await hub.api(`/commits/${head}/pulls`)).body).toMatchObject([{ number: 1 }])
    expect(hub.payloads('pull_request')).toMatchObject([{ action: 'opened', number: 1 }])
  })

  it('keeps its pull requests over a restart', async () => {
    await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    await hub.post('/pulls', { title: 'Kept', head: BRANCH, base: 'main' })
    const again = await hub.start('http://127.0.0.1:9/')
    try {
      const headers = { authorization: `token ${TOKEN}` }
      const response = await fetch(`${again.url}/repos/stand-in/${hub.repo}/pulls/1`, { headers })
      expect(await response.json()).toMatchObject({ title: 'Kept', state: 'open' })
    } finally {
      await again.close()
    }
  })
})
