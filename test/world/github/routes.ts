// The part of GitHub's REST API that the runtime calls or may call. Other paths answer 404, as GitHub does for what a token may
// not see.
import { Hono } from 'hono'
import { z } from 'zod'
import type { GitHost } from '../git/server.ts'
import { MergeRefused, OWNER } from '../git/repos.ts'
import { commitsIn, compareCommits, resolveCommit } from './compare.ts'
import { Refused } from './hub.ts'
import type { Hub } from './hub.ts'
import type { Pulls } from './pulls.ts'
import type { Shapes } from './shapes.ts'
import type { Webhooks } from './webhooks.ts'

const NewPull = z.object({
  title: z.string().min(1),
  head: z.string().transform((text) => text.replace(`${OWNER}:`, '')),
  base: z.string(),
  body: z.string().nullish(),
})
const PullChange = z.object({ state: z.enum(['open', 'closed']).optional() })
const Button = z.object({ merge_method: z.enum(['merge', 'squash', 'rebase']).default('merge') })

export type RouteParts = {
  tokens: string[]
  gitHost: GitHost
  hub: Hub
  pulls: Pulls
  shapes: Shapes
  webhooks: Webhooks
}

export function createRoutes({ tokens, gitHost, hub, pulls, shapes, webhooks }: RouteParts): Hono {
  const { repos } = gitHost
  const app = new Hono()
  const notFound = (message = 'Not Found') => Response.json({ message }, { status: 404 })
  const pullOf = (repo: string, number: string) =>
    pulls.of(repo).find((pull) => String(pull.number) === number)

  app.onError((error, c) => {
    if (error instanceof Refused) return c.json({ message: error.message }, error.status)
    if (error instanceof MergeRefused) return c.json({ message: error.message }, 405)
    if (error instanceof z.ZodError || error instanceof SyntaxError)
      return c.json({ message: 'Validation Failed', errors: [String(error)] }, 422)
    return c.json({ message: 'Server Error' }, 500)
  })
  app.notFound(() => notFound())
  app.use('*', async (c, next) => {
    const [, token = ''] = /^(?:Bearer|token) +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
    const [, owner, repo = ''] = /^\/repos\/([^/]+)\/([^/]+)/.exec(c.req.path) ?? []
    if (!tokens.includes(token) || owner !== OWNER || !repos.has(repo)) return notFound()
    return next()
  })

  const at = '/repos/:owner/:repo'
  app.get(at, (c) => c.json(shapes.repository(c.req.param('repo'))))

  app.get(`${at}/git/ref/heads/:branch{.+}`, async (c) => {
    const ref = `refs/heads/${c.req.param('branch')}`
    const sha = (await repos.refs(c.req.param('repo')))[ref]
    return sha === undefined ? notFound() : c.json({ ref, object: { type: 'commit', sha } })
  })
  app.delete(`${at}/git/refs/heads/:branch{.+}`, async (c) => {
    const [repo, branch] = [c.req.param('repo'), c.req.param('branch')]
    if (branch === 'main') throw new Refused(422, 'Cannot delete the default branch')
    if (!(await gitHost.deleteBranch(repo, branch))) throw new Refused(422, 'Reference does not exist')
    return c.body(null, 204)
  })
  app.get(`${at}/branches/:branch{.+}`, async (c) => {
    const [repo, name] = [c.req.param('repo'), c.req.param('branch')]
    const sha = (await repos.refs(repo))[`refs/heads/${name}`]
    const [info] = sha === undefined ? [] : await commitsIn(repos, repo, sha, 1)
    if (info === undefined) return notFound('Branch not found')
    return c.json({ name, commit: shapes.commit(repo, info), protected: false })
  })

  app.get(`${at}/compare/:basehead{.+}`, async (c) => {
    const repo = c.req.param('repo')
    const [base = '', head = ''] = c.req.param('basehead').split('...')
    const baseSha = await resolveCommit(repos, repo, base)
    const headSha = await resolveCommit(repos, repo, head)
    const found = baseSha && headSha ? await compareCommits(repos, repo, baseSha, headSha) : null
    const [baseInfo] = baseSha === null ? [] : await commitsIn(repos, repo, baseSha, 1)
    if (found === null || baseInfo === undefined || found.mergeBaseCommit === undefined) return notFound()
    return c.json({
      status: found.status,
      ahead_by: found.aheadBy,
      behind_by: found.behindBy,
      total_commits: found.aheadBy,
      base_commit: shapes.commit(repo, baseInfo),
      merge_base_commit: shapes.commit(repo, found.mergeBaseCommit),
      commits: found.commits.map((info) => shapes.commit(repo, info)),
      files: found.files,
    })
  })
  app.get(`${at}/commits/:sha/pulls`, async (c) => {
    const [repo, sha] = [c.req.param('repo'), c.req.param('sha')]
    const found = []
    for (const pull of pulls.of(repo)) {
      const own = await commitsIn(repos, repo, `${pull.baseSha}..${pull.headSha}`)
      if (pull.mergeSha === sha || own.some((info) => info.sha === sha)) found.push(shapes.pull(pull))
    }
    return c.json(found)
  })

  app.get(`${at}/pulls`, (c) => {
    const query = c.req.query()
    const size = Math.min(Number(query['per_page'] ?? 30) || 30, 100)
    const first = (Math.max(Number(query['page'] ?? 1) || 1, 1) - 1) * size
    const state = query['state'] ?? 'open'
    const found = pulls
      .of(c.req.param('repo'))
      .filter((pull) => state === 'all' || pull.state === state)
      .filter((pull) => query['base'] === undefined || pull.base === query['base'])
      // GitHub ignores a head without an owner before the colon.
      .filter((pull) => !query['head']?.includes(':') || `${OWNER}:${pull.head}` === query['head'])
    return c.json(found.slice(first, first + size).map(shapes.pull))
  })
  app.post(`${at}/pulls`, async (c) => {
    const input = NewPull.parse(await c.req.json())
    const pull = await hub.openPull(c.req.param('repo'), { ...input, body: input.body ?? null })
    return c.json(shapes.pull(pull), 201)
  })
  app.get(`${at}/pulls/:number`, (c) => {
    const pull = pullOf(c.req.param('repo'), c.req.param('number'))
    return pull === undefined ? notFound() : c.json(shapes.pull(pull))
  })
  app.patch(`${at}/pulls/:number`, async (c) => {
    const pull = pullOf(c.req.param('repo'), c.req.param('number'))
    if (pull === undefined) return notFound()
    const { state } = PullChange.parse(await c.req.json())
    if (state !== undefined) await hub.setState(pull, state)
    return c.json(shapes.pull(pull))
  })
  app.put(`${at}/pulls/:number/merge`, async (c) => {
    const pull = pullOf(c.req.param('repo'), c.req.param('number'))
    if (pull === undefined) return notFound()
    if (pull.state === 'closed') return c.json({ message: 'Pull Request is not mergeable' }, 405)
    const text = await c.req.text()
    const { merge_method } = Button.parse(text === '' ? {} : JSON.parse(text))
    const { sha } = await hub.merge(pull.repo, pull.head, merge_method)
    return c.json({ sha, merged: true, message: 'Pull Request successfully merged' })
  })

  app.get(`${at}/hooks`, (c) =>
    c.json([
      {
        id: webhooks.hookId,
        type: 'Repository',
        name: 'web',
        active: webhooks.isActive(),
        events: webhooks.events,
        config: { url: webhooks.url(), content_type: 'json', insecure_ssl: '0', secret: '********' },
      },
    ]),
  )
  return app
}
