// git smart HTTP: exactly three requests exist (facts/security-reliability.md 2.1). Reading is passed through untouched;
// what a push may do is in push.ts. The upstream's address comes from the object's row, never from the request.
import type { PlanClaims, VmClaims, VmKeyClaims } from '../auth/vm-token.ts'
import { createByteReader } from '../git/byte-reader.ts'
import { concatBytes, pkt, pktLength } from '../git/pkt-line.ts'
import { answer, gitError } from './answers.ts'
import type { GitService } from './answers.ts'
import type { GatewayContext, Handled } from './context.ts'
import { denial } from './denials.ts'
import { deadlineSignal, settleLease } from './lease-watch.ts'
import { receivePack } from './push.ts'
import { stripAdvertised } from './receive-pack.ts'
import { askGitHost } from './upstream-git.ts'

const GIT_PATH = /^\/vm\/git\/([a-z0-9][a-z0-9-]{0,39})\.git\/(.+)$/

export async function handleGit(
  request: Request,
  claims: VmClaims,
  context: GatewayContext,
): Promise<Handled> {
  const url = new URL(request.url)
  const [, workspace, rest] = GIT_PATH.exec(url.pathname) ?? []
  if (workspace === undefined || rest === undefined || workspace !== claims.workspace)
    return refused(404, 'no_such_repository', 'There is no such repository here.')
  if (claims.kind === 'ticket') return refused(403, 'wrong_token', 'A bootstrap ticket opens no repository.')
  if (rest.startsWith('info/lfs'))
    return {
      response: answer(
        403,
        'application/vnd.git-lfs+json',
        JSON.stringify({ message: 'LFS is not offered here. Set GIT_LFS_SKIP_SMUDGE=1.' }),
      ),
      outcome: 'lfs',
    }
  const route = `${request.method} ${rest}${url.search}`
  if (route === 'GET info/refs?service=git-upload-pack') return readAdvertisement(request, claims, context)
  if (route === 'GET info/refs?service=git-receive-pack') return pushAdvertisement(claims, context)
  if (route === 'POST git-upload-pack') return uploadPack(request, claims, context)
  if (route === 'POST git-receive-pack') {
    if (claims.kind !== 'plan') return refused(403, 'wrong_token', 'A VM key may only fetch.')
    return receivePack(request, claims, context)
  }
  return refused(404, 'not_offered', 'Only git smart HTTP is served here.')
}

function refused(status: number, outcome: string, text: string): Handled {
  return { response: answer(status, 'text/plain; charset=utf-8', `${text}\n`), outcome }
}

type Reader = PlanClaims | VmKeyClaims

async function readAdvertisement(
  request: Request,
  claims: Reader,
  context: GatewayContext,
): Promise<Handled> {
  return read({ claims, context, request, of: 'advertisement', path: 'info/refs?service=git-upload-pack' })
}

async function uploadPack(request: Request, claims: Reader, context: GatewayContext): Promise<Handled> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'gzip')
    return refused(415, 'encoding', 'Only gzip is taken as a content encoding.')
  if (request.body === null) return refused(400, 'empty', 'The request has no body.')
  return read({ claims, context, request, of: 'result', path: 'git-upload-pack', body: request.body })
}

interface ReadInput {
  claims: Reader
  context: GatewayContext
  request: Request
  of: 'advertisement' | 'result'
  path: 'info/refs?service=git-upload-pack' | 'git-upload-pack'
  body?: ReadableStream<Uint8Array>
}

async function read({ claims, context, request, of, path, body }: ReadInput): Promise<Handled> {
  const rpc = await context.workspace(claims.workspace)
  const right = await rpc.authorize(claims, { kind: 'git_read' })
  if (!right.ok)
    return {
      response: gitError('git-upload-pack', of, denial(right.reason).message),
      outcome: right.reason,
    }
  const upstream = await askGitHost(context, {
    gitRemote: right.gitRemote,
    path,
    gitProtocol: request.headers.get('git-protocol'),
    contentEncoding: request.headers.get('content-encoding'),
    signal: deadlineSignal(context, right.deadlineMs),
    ...(body === undefined ? {} : { body }),
  })
  context.waitUntil(settleLease(rpc, right.leaseId, { kind: 'read' }))
  if (!upstream.ok)
    return { response: gitError('git-upload-pack', of, upstream.text), outcome: upstream.code }
  return {
    response: answer(200, `application/x-git-upload-pack-${of}`, upstream.response.body),
    outcome: 'read',
  }
}

/** The host's own list of refs, offering only the capabilities our reader of pushes understands. */
async function pushAdvertisement(claims: Reader, context: GatewayContext): Promise<Handled> {
  const service: GitService = 'git-receive-pack'
  const error = (outcome: string, text: string): Handled => ({
    response: gitError(service, 'advertisement', text),
    outcome,
  })
  if (claims.kind !== 'plan') return error('wrong_token', 'A VM key may only fetch.')
  const rpc = await context.workspace(claims.workspace)
  const right = await rpc.authorize(claims, { kind: 'git_push_discover' })
  if (!right.ok) return error(right.reason, denial(right.reason).message)
  // Without Git-Protocol: a push is v0 only.
  const upstream = await askGitHost(context, {
    gitRemote: right.gitRemote,
    path: 'info/refs?service=git-receive-pack',
    signal: deadlineSignal(context, right.deadlineMs),
  })
  context.waitUntil(settleLease(rpc, right.leaseId, { kind: 'read' }))
  if (!upstream.ok) return error(upstream.code, upstream.text)
  const body = upstream.response.body === null ? null : await rewriteAdvertisement(upstream.response.body)
  if (body === null)
    return error('not_git', 'the git host sent a list of refs that cannot be read (code not_git)')
  return { response: answer(200, `application/x-${service}-advertisement`, body), outcome: 'discovered' }
}

const SERVICE_LINE = '# service=git-receive-pack'

/** Only the first ref line is rewritten; what follows it is piped, however many refs there are. */
async function rewriteAdvertisement(
  body: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array> | null> {
  const reader = createByteReader(body)
  const next = async (): Promise<Uint8Array<ArrayBuffer> | 'flush' | null> => {
    const header = await reader.read(4)
    const length = header === null ? null : pktLength(header)
    if (length === 'flush') return 'flush'
    return typeof length === 'number' ? reader.read(length) : null
  }
  const first = await next()
  if (!(first instanceof Uint8Array) || new TextDecoder().decode(first).trim() !== SERVICE_LINE) return null
  if ((await next()) !== 'flush') return null
  const line = await next()
  const stripped = line instanceof Uint8Array ? stripAdvertised(line) : null
  if (stripped === null) return null
  const start = concatBytes([
    pkt(`${SERVICE_LINE}\n`),
    new TextEncoder().encode('0000'),
    stripped,
    reader.release(),
  ])
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  // A client that hangs up ends the pipe; there is nobody left to tell.
  void writer
    .write(start)
    .then(() => (writer.releaseLock(), body.pipeTo(writable)))
    .catch(() => {})
  return readable
}
