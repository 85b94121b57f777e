// A git host for tests: real `git http-backend` on real bare repositories, behind Basic auth. It records the requests.
import { execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Seen {
  method: string
  url: string
  headers: IncomingMessage['headers']
}

export interface GitHost {
  url: string
  seen: Seen[]
  /** Called before git. Returns true when it handles the request itself. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  close(): Promise<void>
}

export async function startGitHost(options: { root: string; user: string; token: string }): Promise<GitHost> {
  const expected = `Basic ${Buffer.from(`${options.user}:${options.token}`).toString('base64')}`
  const host: GitHost = { url: '', seen: [], intercept: null, close: async () => {} }
  const server = createServer((request, response) => {
    host.seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
    if (host.intercept?.(request, response) === true) return
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="host"' }).end('upstream says no')
      return
    }
    runBackend(options.root, request, response)
  })
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  host.url = `http://127.0.0.1:${address.port}`
  host.close = async () => {
    server.closeAllConnections()
    await new Promise((done) => void server.close(done))
  }
  return host
}

function runBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://host')
  const header = (name: string) => String(request.headers[name] ?? '')
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? '',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: header('content-type'),
      // CONTENT_LENGTH is not set: if the client leaves before it has sent that much, git http-backend spins for ever.
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_USER: 'tester',
    },
  })
  child.stderr.resume()
  child.stdin.on('error', () => {}) // git may stop reading early
  request.pipe(child.stdin)
  request.on('aborted', () => child.kill())
  let head: Buffer | null = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === null) {
      response.write(chunk)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    let status = 200
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/s)
      if (name.toLowerCase() === 'status') status = Number(value.slice(0, 3))
      else response.setHeader(name, value)
    }
    response.writeHead(status)
    response.write(head.subarray(end + 4))
    head = null
  })
  child.stdout.on('end', () => response.end())
}

/** Makes a bare repository with `commits` commits on main that accepts pushes over HTTP. */
export function makeRepository(root: string, name: string, commits: number, format = 'sha1'): void {
  const sh = (script: string) => execFileSync('sh', ['-ceu', script], { cwd: root, stdio: 'pipe' })
  sh(`git init -q --bare --object-format=${format} -b main ${name} && git -C ${name} config http.receivepack true &&
    git -C ${name} config uploadpack.allowFilter true && git -C ${name} config receive.advertisePushOptions true
    git init -q --object-format=${format} -b main seed && cd seed && git config user.email a@b.c && git config user.name seed
    for i in $(seq ${commits}); do echo $i > file-$i && git add . && git commit -qm "commit $i"; done
    git push -q ../${name} main && git tag v1 && git push -q ../${name} v1 && rm -rf ../seed`)
}
