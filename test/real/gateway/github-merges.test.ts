// Merges on GitHub's stand-in, and the webhooks a merge, a push and a deletion send.
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { BRANCH, SECRET, useGithub } from '../support/github-bench.ts'

const hub = useGithub()

describe('merging', () => {
  it.each([
    { method: 'merge', parents: 2, reachable: true },
    { method: 'squash', parents: 1, reachable: false },
    { method: 'rebase', parents: 1, reachable: false },
  ] as const)(
    '$method leaves the work on main and the pull request merged',
    async ({ method, parents, reachable }) => {
      const head = await hub.commits(BRANCH, { 'a.txt': 'one\n', 'b.txt': 'two\n' })
      const { sha, number } = await hub.github.merge(hub.repo, BRANCH, method)
      expect(await hub.git('rev-parse', 'main')).toBe(sha)
      expect(await hub.git('show', 'main:b.txt')).toBe('two')
      expect((await hub.git('rev-list', '--parents', '-1', 'main')).split(' ')).toHaveLength(1 + parents)
      const ancestor = await hub.git('merge-base', '--is-ancestor', head, 'main').then(
        () => true,
        () => false,
      )
      expect(ancestor).toBe(reachable)
      expect((await hub.api(`/pulls/${String(number)}`)).body).toMatchObject({
        state: 'closed',
        merged: true,
        merge_commit_sha: sha,
        head: { sha: head },
      })
      expect(hub.received().map((one) => one.event)).toEqual(['pull_request', 'push', 'pull_request'])
      expect(hub.payloads('pull_request')).toMatchObject([
        { action: 'opened' },
        {
          action: 'closed',
          pull_request: { merged: true, merged_at: expect.any(String), base: { ref: 'main' } },
        },
      ])
      expect(hub.payloads('push')).toMatchObject([{ ref: 'refs/heads/main', after: sha, forced: false }])
    },
  )

  it('ff moves main to the branch with no pull request', async () => {
    const head = await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    expect(await hub.github.merge(hub.repo, BRANCH, 'ff')).toEqual({ sha: head, number: null })
    expect(await hub.git('rev-parse', 'main')).toBe(head)
    expect(hub.received().map((one) => one.event)).toEqual(['push'])
    expect(hub.payloads('push')).toMatchObject([
      { after: head, commits: [{ id: head, added: ['a.txt'], modified: [] }], head_commit: { id: head } },
    ])
  })

  it('counts an open pull request as merged when its branch reaches the base another way', async () => {
    await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    await hub.post('/pulls', { title: 'Do it', head: BRANCH, base: 'main' })
    await hub.github.merge(hub.repo, BRANCH, 'ff')
    expect((await hub.api('/pulls/1')).body).toMatchObject({ merged: true })
    expect(hub.payloads('pull_request').at(-1)).toMatchObject({
      action: 'closed',
      pull_request: { merged: true },
    })
  })

  it('refuses a conflict and an unknown branch, and changes nothing', async () => {
    await hub.commits(BRANCH, { 'README.md': 'theirs\n' })
    const main = await hub.commits('main', { 'README.md': 'ours\n' })
    for (const method of ['merge', 'squash', 'rebase', 'ff'] as const)
      await expect(hub.github.merge(hub.repo, BRANCH, method)).rejects.toThrow('cannot be merged')
    await expect(hub.github.merge(hub.repo, 'none', 'merge')).rejects.toThrow('no branch none')
    expect(await hub.git('rev-parse', 'main')).toBe(main)
    expect((await hub.api('/pulls/1')).body).toMatchObject({ state: 'open', merged: false })
    expect(await hub.api('/pulls/1/merge', { method: 'PUT' })).toMatchObject({ status: 405 })
  })

  it('closes the pull request of a deleted branch without a merge', async () => {
    await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    await hub.post('/pulls', { title: 'Do it', head: BRANCH, base: 'main' })
    await hub.api(`/git/refs/heads/${BRANCH}`, { method: 'DELETE' })
    expect((await hub.api('/pulls/1')).body).toMatchObject({ state: 'closed', merged: false })
    expect(hub.payloads('pull_request').at(-1)).toMatchObject({
      action: 'closed',
      pull_request: { merged: false },
    })
  })
})

describe('webhooks', () => {
  it('signs the raw body, each delivery under an id of its own', async () => {
    await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    await hub.github.merge(hub.repo, BRANCH, 'merge')
    expect(hub.received()).toHaveLength(3)
    for (const { body, signature } of hub.received())
      expect(signature).toBe(`sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`)
    expect(new Set(hub.received().map(({ guid }) => guid)).size).toBe(3)
  })

  it('does not send a refused or lost delivery again by itself, only when asked, under the same id', async () => {
    hub.answerWith(500)
    await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    await hub.github.merge(hub.repo, BRANCH, 'ff')
    expect(hub.received()).toHaveLength(1)
    hub.answerWith(202)
    const guid = hub.received()[0]?.guid ?? ''
    expect(await hub.github.webhooks.redeliver(guid)).toMatchObject({
      guid,
      statusCode: 202,
      redelivery: true,
    })
    expect(hub.received()[1]).toEqual(hub.received()[0])
    hub.github.webhooks.setActive(false)
    await hub.api(`/git/refs/heads/${BRANCH}`, { method: 'DELETE' })
    expect(hub.received()).toHaveLength(2)
    expect(hub.github.webhooks.deliveries().at(-1)).toMatchObject({ event: 'delete', statusCode: 0 })
  })

  it('says nothing about refs that are no branches', async () => {
    const head = await hub.commits(BRANCH, { 'a.txt': 'one\n' })
    const { push_url } = await hub.gitHost.createRepo(hub.repo)
    await hub.git('push', '--quiet', push_url, `${head}:refs/agent/checkpoint`)
    await hub.git('push', '--quiet', push_url, `${head}:refs/heads/visible`)
    await expect.poll(() => hub.received().map((one) => one.event)).toEqual(['push'])
    expect(hub.payloads('push')).toMatchObject([{ ref: 'refs/heads/visible', created: true }])
  })
})
