// Serves a bare repository over smart HTTP with the real `git http-backend`.
import { execFileSync, spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ServeGitInput {
  request: IncomingMessage
  response: ServerResponse
  repo: string
  /** Path below the repository, for instance /info/refs. */
  path: string
}

export function serveGit({ request, response, repo, path }: ServeGitInput): void {
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: repo,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'test',
      PATH_INFO: path,
      QUERY_STRING: (request.url ?? '').split('?')[1] ?? '',
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  })
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  let head = Buffer.alloc(0)
  let inBody = false
  child.stdout.on('data', (chunk: Buffer) => {
    if (inBody) response.write(chunk)
    else readHead(chunk)
  })
  const readHead = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    inBody = true
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/)
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.write(head.subarray(end + 4))
  }
  child.stdout.on('end', () => response.end())
}

/** Makes a bare repository with one commit on main. Returns a function that runs git in it. */
export function makeRepo(folder: string, files: Record<string, string> = { 'README.md': '# Sample\n' }) {
  const repo = join(folder, 'upstream.git')
  const work = join(folder, 'upstream-work')
  const env = {
    ...process.env,
    // Debian's git-lfs sets its filters for the whole system.
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'T',
    GIT_AUTHOR_EMAIL: 't@e',
    GIT_COMMITTER_NAME: 'T',
    GIT_COMMITTER_EMAIL: 't@e',
  }
  const git = (...args: string[]): string => execFileSync('git', args, { env, encoding: 'utf8' }).trim()
  git('init', '--quiet', '--bare', '--initial-branch=main', repo)
  git('-C', repo, 'config', 'http.receivepack', 'true')
  git('init', '--quiet', '--initial-branch=main', work)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(work, name, '..'), { recursive: true })
    writeFileSync(join(work, name), content)
  }
  git('-C', work, 'add', '--all')
  git('-C', work, 'commit', '--quiet', '-m', 'Start')
  git('-C', work, 'push', '--quiet', repo, 'main')
  return { repo, git: (...args: string[]) => git('-C', repo, ...args) }
}
