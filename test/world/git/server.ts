// The stand-in git host: smart HTTP with Basic auth over the real `git http-backend`. It reports each ref changed by a push or a
// merge to its listeners; the GitHub stand-in makes webhooks from that.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { listen, shut } from '../listen.ts'
import { runBackend } from './backend.ts'
import { startLfs } from './lfs.ts'
import type { Lfs } from './lfs.ts'
import { createRepos, OWNER } from './repos.ts'
import type { MergeMethod, Repos } from './repos.ts'

export interface GitHostOptions {
  port: number
  /** Folder of the repositories. */
  root: string
  /** The runtime's credential, as in GIT_CREDENTIALS. */
  user: string
  token: string
  /** Token for tests; push_url contains it. */
  testerToken: string
  log?: (line: string) => void
}

/** A changed ref. 40 zeros mean that it did not exist before or does not exist now. */
export interface RefChange {
  repo: string
  ref: string
  before: string
  after: string
}
type Listener = (change: RefChange) => Promise<void>

export interface GitHost {
  url: string
  repos: Repos
  lfs: Lfs
  /** Returns {remote, push_url}, also for an existing repository. */
  createRepo: (name: string) => Promise<{ remote: string; push_url: string }>
  /** Calls back for each changed ref, in order, also when the pushing client did not wait for the answer. */
  onChange: (listener: Listener) => void
  /** Merges as a person does. Resolves when all listeners were called. */
  merge: (
    repo: string,
    merge: { base: string; branch: string; method: MergeMethod },
  ) => Promise<{ before: string; after: string }>
  /** Returns false when there is no such branch. */
  deleteBranch: (repo: string, branch: string) => Promise<boolean>
  close: () => Promise<void>
}

export const ZERO = '0'.repeat(40)
// The hook writes one line per changed ref: "before after ref". Each push request names the file.
const HOOK = '#!/bin/sh\n[ -n "$PUSH_LOG" ] || PUSH_LOG=/dev/null\nexec cat > "$PUSH_LOG"\n'
// The path may or may not end in .git; real hosts serve both.
const REQUEST = new RegExp(
  `^/${OWNER}/([A-Za-z0-9._-]+?)(?:\\.git)?/(info/refs|git-upload-pack|git-receive-pack)$`,
)

const LFS_REQUEST = new RegExp(`^/${OWNER}/([A-Za-z0-9._-]+?)\\.git/info/lfs/(.+)$`)

export async function startGitHost(options: GitHostOptions): Promise<GitHost> {
  const repos = createRepos(options.root)
  const hooksDir = join(options.root, 'hooks')
  mkdirSync(hooksDir, { recursive: true })
  writeFileSync(join(hooksDir, 'post-receive'), HOOK, { mode: 0o755 })
  const listeners: Listener[] = []
  const allowed = [`${options.user}:${options.token}`, `tester:${options.testerToken}`].map(
    (pair) => `Basic ${Buffer.from(pair).toString('base64')}`,
  )
  const tell = async (changes: RefChange[]): Promise<void> => {
    for (const change of changes) for (const listener of listeners) await listener(change)
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://git')
    const isAllowed = allowed.some((one) => isSame(one, request.headers.authorization ?? ''))
    const [, lfsRepo, rest = ''] = LFS_REQUEST.exec(url.pathname) ?? []
    if (lfsRepo !== undefined && repos.has(lfsRepo))
      return lfs.answer({ repo: lfsRepo, rest, mayUseHost: isAllowed, hostUrl, request, response })
    if (!isAllowed) {
      request.resume()
      response
        .writeHead(401, { 'www-authenticate': 'Basic realm="stand-in"', 'content-type': 'text/plain' })
        .end('Authentication required.\n')
      return
    }
    const [, repo, service] = REQUEST.exec(url.pathname) ?? []
    const isRead = url.pathname.endsWith('/info/refs')
    if (repo === undefined || !repos.has(repo) || (request.method === 'GET') !== isRead) {
      request.resume()
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Repository not found.\n')
      return
    }
    const pushLog = join(options.root, `push-${randomUUID()}`)
    await runBackend({
      root: options.root,
      path: `/${OWNER}/${repo}.git/${service ?? ''}`,
      query: url.search.slice(1),
      user: OWNER,
      hooksDir,
      pushLog,
      request,
      response,
      log: options.log,
    })
    if (url.pathname.endsWith('/git-receive-pack')) await tell(readPushLog(pushLog, repo))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      options.log?.(`git host: ${String(error)}`)
      response.destroy()
    })
  })
  server.requestTimeout = 0
  const lfs = await startLfs(repos.dirOf, 0)
  const hostUrl = await listen(server, options.port)
  return {
    url: hostUrl,
    repos,
    lfs,
    async createRepo(name) {
      await repos.create(name)
      const path = `/${OWNER}/${name}.git`
      return {
        remote: `${hostUrl}${path}`,
        push_url: `${hostUrl.replace('://', `://tester:${options.testerToken}@`)}${path}`,
      }
    },
    onChange: (listener) => void listeners.push(listener),
    async merge(repo, { base, branch, method }) {
      const merged = await repos.merge(repo, base, branch, method)
      if (merged.before !== merged.after) await tell([{ repo, ref: `refs/heads/${base}`, ...merged }])
      return merged
    },
    async deleteBranch(repo, branch) {
      const ref = `refs/heads/${branch}`
      const before = (await repos.refs(repo))[ref]
      if (before === undefined) return false
      await repos.git(repo, 'update-ref', '-d', ref, before)
      await tell([{ repo, ref, before, after: ZERO }])
      return true
    },
    async close() {
      await lfs.close()
      await shut(server)
    },
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function readPushLog(file: string, repo: string): RefChange[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, before, after, ref] = /^([0-9a-f]+) ([0-9a-f]+) (\S+)$/.exec(line) ?? []
        return before && after && ref ? [{ repo, ref, before, after }] : []
      })
  } catch {
    return [] // the hook did not run, so nothing changed
  } finally {
    rmSync(file, { force: true })
  }
}
