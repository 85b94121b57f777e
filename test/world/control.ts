// The control API of the local stack, with which tests cause faults and look inside. It listens on loopback, behind a secret path.
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { z } from 'zod'
import { MergeRefused, REPO_NAME } from './git/repos.ts'
import type { GitHost } from './git/server.ts'
import { Refused } from './github/hub.ts'
import type { GithubStandIn } from './github/server.ts'
import { listen, shut } from './listen.ts'
import type { ModelStandIn } from './model/server.ts'
import type { OrgoStandIn } from './orgo/server.ts'
import type { SecretWatch } from './secrets.ts'
import type { WorkerProcess } from './worker-process.ts'

export interface ControlOptions {
  port: number
  path: string
  orgo: OrgoStandIn | null
  model: ModelStandIn | null
  gitHost: GitHost
  github: GithubStandIn
  secrets: SecretWatch
  worker: () => WorkerProcess
}

const NewRepo = z.object({ name: z.string().regex(REPO_NAME) })
const Merge = z.object({
  branch: z.string().min(1),
  method: z.enum(['merge', 'squash', 'rebase', 'ff']).default('merge'),
})

export async function startControl(
  options: ControlOptions,
): Promise<{ url: string; close: () => Promise<void> }> {
  const { gitHost, github } = options
  const app = new Hono()
  app.post('/worker/kill', async (c) => {
    await options.worker().kill()
    return c.json({ ok: true })
  })
  app.post('/worker/restart', async (c) => {
    await options.worker().restart()
    return c.json({ ok: true })
  })
  app.post('/git/repos', async (c) =>
    c.json(await gitHost.createRepo(NewRepo.parse(await c.req.json()).name)),
  )
  app.get('/git/refs/:repo', async (c) =>
    gitHost.repos.has(c.req.param('repo'))
      ? c.json(await gitHost.repos.refs(c.req.param('repo')))
      : c.json({ error: 'no such repository' }, 404),
  )
  app.post('/github/:repo/merge', async (c) => {
    const { branch, method } = Merge.parse(await c.req.json())
    return c.json(await github.merge(c.req.param('repo'), branch, method))
  })
  // Lists the webhook's deliveries, sends one again, or makes the webhook lose all of them.
  app.get('/github/deliveries', (c) => c.json(github.webhooks.deliveries()))
  app.post('/github/deliveries/:guid/redeliver', async (c) => {
    const sent = await github.webhooks.redeliver(c.req.param('guid'))
    return sent === null ? c.json({ error: 'no such delivery' }, 404) : c.json(sent)
  })
  app.post('/github/webhook', async (c) => {
    const { active } = z.object({ active: z.boolean() }).parse(await c.req.json())
    github.webhooks.setActive(active)
    return c.json({ ok: true, active })
  })
  app.get('/secrets-seen', async (c) =>
    c.json({
      seen: await options.secrets.sightings(options.orgo?.computerDirs().map(({ dir }) => dir) ?? []),
    }),
  )
  app.post('/clock', (c) =>
    c.json({ error: 'The clock of this stack is the real one; the worker tests move theirs.' }, 501),
  )
  if (options.orgo !== null) app.route('/', options.orgo.control)
  if (options.model !== null) app.route('/', options.model.control)
  app.onError((error, c) => {
    if (error instanceof z.ZodError) return c.json({ error: z.prettifyError(error) }, 400)
    if (error instanceof SyntaxError) return c.json({ error: 'the body is no JSON' }, 400)
    if (error instanceof Refused) return c.json({ error: error.message }, error.status)
    if (error instanceof MergeRefused) return c.json({ error: error.message }, 409)
    return c.json({ error: String(error) }, 500)
  })

  const outer = new Hono().route(options.path, app)
  const server = createAdaptorServer({ fetch: outer.fetch }) as Server // without TLS options the adapter makes a plain HTTP/1 server
  const origin = await listen(server, options.port)
  return { url: `${origin}${options.path}`, close: () => shut(server) }
}
