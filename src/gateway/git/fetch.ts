// Reads a repository: the host's answer to a fetch is passed on unchanged.
import type { PlanClaims, VmKeyClaims } from '../../auth/vm-token.ts'
import { readCapped } from '../../lib/http.ts'
import { answer, gitError, plainRefusal } from '../frame/answers.ts'
import type { GatewayContext, Handle, Handled } from '../frame/context.ts'
import { openRead } from './read-stream.ts'
import { askGitHost } from './upstream-git.ts'

type Reader = PlanClaims | VmKeyClaims

/** A fetch's own request. A thousand rounds of haves are under 1 MB. */
const MAX_REQUEST_BYTES = 8_000_000
const REQUEST_TIMEOUT_MS = 60_000

export const readAdvertisement: Handle<Reader> = async (request, claims, context) => {
  return read({ claims, context, request, of: 'advertisement', path: 'info/refs?service=git-upload-pack' })
}

export const uploadPack: Handle<Reader> = async (request, claims, context) => {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'gzip')
    return plainRefusal(415, 'encoding', 'Only gzip is taken as a content encoding.')
  if (request.body === null) return plainRefusal(400, 'empty', 'The request has no body.')
  // The body is read whole before a lease is asked for. It is small, its end is certain, and some hosts need a length.
  const body = await readInTime(request.body)
  if (body === null)
    return refused('result', 'too_large', 'the fetch asked for too much, or too slowly; fetch fewer refs')
  return read({ claims, context, request, of: 'result', path: 'git-upload-pack', body })
}

interface ReadInput {
  claims: Reader
  context: GatewayContext
  request: Request
  of: 'advertisement' | 'result'
  path: 'info/refs?service=git-upload-pack' | 'git-upload-pack'
  body?: Uint8Array<ArrayBuffer>
}

async function read({ claims, context, request, of, path, body }: ReadInput): Promise<Handled> {
  const opened = await openRead({
    claims,
    context,
    intent: 'git_read',
    ask: (at) =>
      askGitHost(context, {
        ...at,
        path,
        gitProtocol: request.headers.get('git-protocol'),
        contentEncoding: request.headers.get('content-encoding'),
        ...(body === undefined ? {} : { body }),
      }),
    refuse: (outcome, text) => refused(of, outcome, text),
  })
  if ('response' in opened) return opened
  const { readable, done } = opened.pass()
  return { response: answer(200, `application/x-git-upload-pack-${of}`, readable), outcome: 'read', done }
}

/** Returns the body; null when it is too long or takes too long. */
async function readInTime(body: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer> | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), REQUEST_TIMEOUT_MS)
  // A client that hangs up gets no further answer.
  const whole = readCapped(body, MAX_REQUEST_BYTES).catch(() => null)
  return Promise.race([whole, late]).finally(() => clearTimeout(timer))
}

function refused(of: ReadInput['of'], outcome: string, text: string): Handled {
  return { response: gitError('git-upload-pack', of, text), outcome }
}
