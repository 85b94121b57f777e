// Passes one request through the real `git http-backend`, a CGI child. Bytes are streamed both ways and never collected.
import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'

export type BackendCall = {
  /** Folder that git serves; PATH_INFO is below it. */
  root: string
  path: string
  query: string
  user: string
  /** Folder of the post-receive hook, which writes the changed refs to pushLog. */
  hooksDir: string
  pushLog: string
  request: IncomingMessage
  response: ServerResponse
  log?: ((line: string) => void) | undefined
}

/** Resolves when git has ended, even if the client left: an update whose answer is lost has still happened. */
export function runBackend(call: BackendCall): Promise<void> {
  const { request, response } = call
  const header = (name: string): string => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : ''
  }
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      GIT_CONFIG_KEY_1: 'core.hooksPath',
      GIT_CONFIG_VALUE_1: call.hooksDir,
      GIT_PROJECT_ROOT: call.root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: call.path,
      QUERY_STRING: call.query,
      REQUEST_METHOD: request.method,
      REMOTE_USER: call.user,
      REMOTE_ADDR: request.socket.remoteAddress,
      CONTENT_TYPE: header('content-type'),
      // CONTENT_LENGTH is not set, so git reads to the end. With a length that never comes it would spin for ever when a client
      // leaves.
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      PUSH_LOG: call.pushLog,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stderr.on('data', (chunk: Buffer) => call.log?.(`git: ${chunk.toString().trim()}`))
  // git may refuse before it has read the body, and the client may leave before it has sent it.
  child.stdin.on('error', () => request.resume())
  request.on('error', () => child.stdin.destroy())
  request.on('aborted', () => child.stdin.destroy())
  request.pipe(child.stdin)
  response.on('error', () => child.stdout.resume())
  response.on('close', () => child.stdout.resume())
  readCgiHead(child.stdout, (status, headers, rest) => {
    if (response.destroyed) {
      child.stdout.resume()
      return
    }
    response.writeHead(status, headers)
    response.write(rest)
    child.stdout.pipe(response)
  })
  return new Promise((done) => {
    child.on('error', (error) => {
      call.log?.(`git: ${error.message}`)
      response.destroy()
      done()
    })
    child.on('close', (code) => {
      // If git died before it sent the head, the connection is cut, as by a server that crashes.
      if (!response.headersSent || (code !== 0 && !response.writableEnded)) response.destroy()
      done()
    })
  })
}

type OnHead = (status: number, headers: [string, string][], rest: Buffer) => void

function readCgiHead(stdout: NodeJS.ReadableStream, onHead: OnHead): void {
  let head = Buffer.alloc(0)
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    stdout.off('data', onData)
    stdout.pause()
    let status = 200
    const headers: [string, string][] = []
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const colon = line.indexOf(':')
      const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()]
      if (name.toLowerCase() === 'status') status = Number(value.slice(0, 3))
      else headers.push([name, value])
    }
    onHead(status, headers, head.subarray(end + 4))
  }
  stdout.on('data', onData)
}
