// The stand-in git host: smart HTTP with Basic auth over real `git http-backend`. What changed a ref, by push or by merge, is told
// to whoever listens (the GitHub stand-in makes webhooks of it).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRepos, OWNER } from './repos.ts'
import type { Repos } from './repos.ts'

export interface GitHostOptions {
  port: number
  /** Holds the repositories. */
  root: string
  /** The runtime's credential: what GIT_CREDENTIALS carries. */
  user: string
  token: string
  /** For whoever tests: push_url carries it. */
  testerToken: string
  log?: (line: string) => void
}

export interface RefChange {
  repo: string
  ref: string
  before: string
  after: string
}

export interface GitHost {
  url: string
  repos: Repos
  /** Answers {remote, push_url}; an existing repository is answered again. */
  createRepo: (name: string) => Promise<{ remote: string; push_url: string }>
  onChange: (listener: (change: RefChange) => void) => void
  /** Runs `work` and tells what it changed. */
  watching: <T>(repo: string, work: () => Promise<T>) => Promise<T>
  close: () => Promise<void>
}

const ZERO = '0'.repeat(40)
const REQUEST = new RegExp(`^/${OWNER}/([A-Za-z0-9._-]+)\\.git/(info/refs|git-upload-pack|git-receive-pack)$`)

export async function startGitHost(options: GitHostOptions): Promise<GitHost> {
  const repos = createRepos(options.root)
  const listeners: ((change: RefChange) => void)[] = []
  const allowed = new Set(
    [`${options.user}:${options.token}`, `tester:${options.testerToken}`].map(
      (pair) => `Basic ${Buffer.from(pair).toString('base64')}`,
    ),
  )

  async function watching<T>(repo: string, work: () => Promise<T>): Promise<T> {
    const before = await repos.refs(repo)
    const result = await work()
    const after = await repos.refs(repo)
    for (const ref of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const change = { repo, ref, before: before[ref] ?? ZERO, after: after[ref] ?? ZERO }
      if (change.before !== change.after) for (const listener of listeners) listener(change)
    }
    return result
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://git')
    if (!allowed.has(request.headers.authorization ?? '')) {
      response
        .writeHead(401, { 'www-authenticate': 'Basic realm="stand-in"', 'content-type': 'text/plain' })
        .end('Authentication required.\n')
      return
    }
    const repo = REQUEST.exec(url.pathname)?.[1]
    if (repo === undefined || !repos.has(repo)) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Repository not found.\n')
      return
    }
    const serve = () => backend(options.root, url, request, response)
    await (url.pathname.endsWith('git-receive-pack') ? watching(repo, serve) : serve())
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      options.log?.(`git host: ${String(error)}`)
      response.destroy()
    })
  })
  server.requestTimeout = 0
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('git host: no port')
  const url = `http://127.0.0.1:${address.port}`
  return {
    url,
    repos,
    watching,
    async createRepo(name) {
      await repos.create(name)
      const path = `/${OWNER}/${name}.git`
      return {
        remote: `${url}${path}`,
        push_url: `${url.replace('://', `://tester:${options.testerToken}@`)}${path}`,
      }
    },
    onChange: (listener) => void listeners.push(listener),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One CGI call, streamed both ways. Resolves when git has ended, so that what it changed can be seen. */
async function backend(
  root: string,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { headers } = request
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      REMOTE_USER: 'stand-in',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: headers['content-type'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      HTTP_CONTENT_ENCODING: String(headers['content-encoding'] ?? ''),
      ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const closed = once(child, 'close')
  child.stdin.on('error', () => undefined) // git may answer without reading the rest
  request.pipe(child.stdin)
  response.on('close', () => {
    if (!response.writableFinished) child.kill()
  })
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of child.stdout) {
    if (head === null) {
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')])
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) continue
    const fields = head
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(/: ?(.*)/s))
    const status = fields.find(([name]) => name?.toLowerCase() === 'status')?.[1]
    response.writeHead(
      status === undefined ? 200 : Number.parseInt(status, 10),
      Object.fromEntries(
        fields.filter(([name]) => name?.toLowerCase() !== 'status').map(([name, value]) => [name, value]),
      ),
    )
    response.write(head.subarray(end + 4))
    head = null
  }
  response.end()
  await closed
}
