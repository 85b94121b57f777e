// The part of GitHub's REST API the runtime calls, over the repositories of the stand-in git host, with signed webhooks on push,
// merge and delete. Merges are real merges. Modelled on GitHub's documents; not on every field of its answers.
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { z } from 'zod'
import type { GitHost, RefChange } from '../git/server.ts'
import { OWNER } from '../git/repos.ts'
import type { MergeMethod } from '../git/repos.ts'
import { deliver } from './webhooks.ts'
import type { WebhookTarget } from './webhooks.ts'

export interface GithubOptions {
  port: number
  gitHost: GitHost
  token: string
  webhook: WebhookTarget
  log?: (line: string) => void
}

export interface GithubStandIn {
  url: string
  /** Merges as the green button does: opens a pull request when there is none. Answers the new head of the base. */
  merge: (repo: string, branch: string, method: MergeMethod) => Promise<{ sha: string; number: number }>
  close: () => Promise<void>
}

interface PullRequest {
  number: number
  repo: string
  title: string
  head: string
  headSha: string
  base: string
  state: 'open' | 'closed'
  mergedAt: string | null
  mergeSha: string | null
}

const ZERO = '0'.repeat(40)
const NewPull = z.object({
  title: z.string(),
  head: z.string(),
  base: z.string(),
  body: z.string().optional(),
})

export async function startGithub(options: GithubOptions): Promise<GithubStandIn> {
  const { gitHost } = options
  const log = options.log ?? (() => undefined)
  const pulls: PullRequest[] = []
  const app = new Hono()

  const repository = (name: string) => ({
    id: 1,
    name,
    full_name: `${OWNER}/${name}`,
    default_branch: 'main',
    private: true,
    clone_url: `${gitHost.url}/${OWNER}/${name}.git`,
    html_url: `${gitHost.url}/${OWNER}/${name}`,
    permissions: { pull: true, push: true },
  })
  const shape = (pull: PullRequest) => ({
    number: pull.number,
    html_url: `${gitHost.url}/${OWNER}/${pull.repo}/pull/${pull.number}`,
    state: pull.state,
    title: pull.title,
    merged: pull.mergedAt !== null,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeSha,
    head: { ref: pull.head, sha: pull.headSha, repo: { full_name: `${OWNER}/${pull.repo}` } },
    base: { ref: pull.base, repo: { full_name: `${OWNER}/${pull.repo}` } },
  })
  const send = (event: string, payload: unknown) => deliver(options.webhook, event, payload, log)
  const sendPull = (action: string, pull: PullRequest) =>
    send('pull_request', {
      action,
      number: pull.number,
      pull_request: shape(pull),
      repository: repository(pull.repo),
      sender: { login: 'a-person' },
    })

  async function openPull(repo: string, input: z.infer<typeof NewPull>): Promise<PullRequest | null> {
    const headSha = (await gitHost.repos.refs(repo))[`refs/heads/${input.head}`]
    if (headSha === undefined) return null
    const pull: PullRequest = {
      number: pulls.length + 1,
      repo,
      title: input.title,
      head: input.head,
      headSha,
      base: input.base,
      state: 'open',
      mergedAt: null,
      mergeSha: null,
    }
    pulls.push(pull)
    await sendPull('opened', pull)
    return pull
  }

  async function onRefChange({ repo, ref, before, after }: RefChange): Promise<void> {
    const branch = ref.replace('refs/heads/', '')
    if (!ref.startsWith('refs/heads/')) return // refs/agent/* starts nothing, as on GitHub
    for (const pull of pulls)
      if (pull.repo === repo && pull.head === branch && pull.state === 'open' && after !== ZERO)
        pull.headSha = after
    const deleted = after === ZERO
    await send('push', {
      ref,
      before,
      after,
      created: before === ZERO,
      deleted,
      forced: false,
      commits: [],
      repository: repository(repo),
      sender: { login: 'a-person' },
    })
    if (!deleted) return
    for (const pull of pulls)
      if (pull.repo === repo && pull.head === branch && pull.state === 'open') {
        pull.state = 'closed'
        await sendPull('closed', pull)
      }
    await send('delete', {
      ref: branch,
      ref_type: 'branch',
      repository: repository(repo),
      sender: { login: 'a-person' },
    })
  }
  gitHost.onChange(onRefChange)

  app.use('*', async (c, next) => {
    if (c.req.header('authorization') !== `Bearer ${options.token}`)
      return c.json({ message: 'Not Found' }, 404)
    const repo = /^\/repos\/([^/]+)\/([^/]+)/.exec(c.req.path)
    if (repo === null || repo[1] !== OWNER || !gitHost.repos.has(repo[2] ?? ''))
      return c.json({ message: 'Not Found' }, 404)
    return next()
  })
  app.get('/repos/:owner/:repo', (c) => c.json(repository(c.req.param('repo'))))
  app.get('/repos/:owner/:repo/pulls', (c) => {
    const [, head] = (c.req.query('head') ?? ':').split(':')
    const state = c.req.query('state') ?? 'open'
    const found = pulls.filter(
      (pull) =>
        pull.repo === c.req.param('repo') &&
        (head === '' || pull.head === head) &&
        (state === 'all' || pull.state === state),
    )
    return c.json(found.toReversed().map(shape))
  })
  app.get('/repos/:owner/:repo/pulls/:number', (c) => {
    const pull = pulls.find(
      (one) => one.repo === c.req.param('repo') && String(one.number) === c.req.param('number'),
    )
    return pull === undefined ? c.json({ message: 'Not Found' }, 404) : c.json(shape(pull))
  })
  app.post('/repos/:owner/:repo/pulls', async (c) => {
    const parsed = NewPull.safeParse(await c.req.json())
    const pull = parsed.success ? await openPull(c.req.param('repo'), parsed.data) : null
    return pull === null ? c.json({ message: 'Validation Failed' }, 422) : c.json(shape(pull), 201)
  })
  app.get('/repos/:owner/:repo/compare/:basehead', async (c) => {
    const [base = '', head = ''] = c.req.param('basehead').split('...')
    const { git } = gitHost.repos
    const repo = c.req.param('repo')
    const [baseSha, headSha] = await Promise.all(
      [base, head].map((name) =>
        git(repo, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`).catch(() => ''),
      ),
    )
    if (baseSha === '' || headSha === '') return c.json({ message: 'Not Found' }, 404)
    const [behindBy = 0, aheadBy = 0] = (
      await git(repo, 'rev-list', '--left-right', '--count', `${baseSha}...${headSha}`)
    )
      .split('\t')
      .map(Number)
    const status =
      aheadBy === 0 && behindBy === 0
        ? 'identical'
        : aheadBy === 0
          ? 'behind'
          : behindBy === 0
            ? 'ahead'
            : 'diverged'
    return c.json({
      status,
      ahead_by: aheadBy,
      behind_by: behindBy,
      total_commits: aheadBy,
      commits: [],
      files: [],
    })
  })
  app.notFound((c) => c.json({ message: 'Not Found' }, 404))

  const server = createAdaptorServer({ fetch: app.fetch }) as Server // without TLS options the adapter makes a plain HTTP/1 server
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('GitHub stand-in: no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async merge(repo, branch, method) {
      const open = pulls.find((pull) => pull.repo === repo && pull.head === branch && pull.state === 'open')
      const pull = open ?? (await openPull(repo, { title: branch, head: branch, base: 'main' }))
      if (pull === null) throw new Error(`${repo} has no branch ${branch}`)
      const { after: sha } = await gitHost.merge(repo, { base: pull.base, branch, method })
      Object.assign(pull, { state: 'closed', mergedAt: new Date().toISOString(), mergeSha: sha })
      await sendPull('closed', pull)
      return { sha, number: pull.number }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
