// The GitHub stand-in beside the git host: the part of the REST API that the runtime uses, and signed webhooks on push, merge and
// delete. Merges are real merges. It follows GitHub's documents and has the fields that the runtime reads, not every field.
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import type { GitHost } from '../git/server.ts'
import { listen, shut } from '../listen.ts'
import { createHub } from './hub.ts'
import type { Hub } from './hub.ts'
import { createPulls } from './pulls.ts'
import { createRoutes } from './routes.ts'
import { createShapes } from './shapes.ts'
import { createWebhooks } from './webhooks.ts'
import type { Webhooks, WebhookTarget } from './webhooks.ts'

export interface GithubOptions {
  port: number
  gitHost: GitHost
  /** Tokens that may read and write, among them the runtime's. */
  tokens: string[]
  webhook: WebhookTarget
  /** File that keeps the pull requests over a restart. */
  stateFile?: string
  log?: (line: string) => void
}

export interface GithubStandIn {
  url: string
  merge: Hub['merge']
  webhooks: Webhooks
  close: () => Promise<void>
}

export async function startGithub(options: GithubOptions): Promise<GithubStandIn> {
  const { gitHost } = options
  let url = ''
  const pulls = createPulls(options.stateFile)
  const shapes = createShapes(gitHost, () => url)
  const webhooks = createWebhooks(options.webhook, options.log ?? (() => undefined))
  const hub = createHub({ gitHost, pulls, shapes, webhooks })
  const app = createRoutes({ tokens: options.tokens, gitHost, hub, pulls, shapes, webhooks })
  const server = createAdaptorServer({ fetch: app.fetch }) as Server // without TLS options the adapter makes a plain HTTP/1 server
  url = await listen(server, options.port)
  return { url, merge: (...args) => hub.merge(...args), webhooks, close: () => shut(server) }
}
