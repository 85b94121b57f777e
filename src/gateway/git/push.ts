// Handles one push: its commands are read, authorized by the object and rewritten; the pack is piped natively behind them while
// the lease lives. push-relay.ts handles the answer.
import type { PlanClaims } from '../../auth/vm-token.ts'
import { createByteReader } from '../../git/byte-reader.ts'
import { concatBytes, FLUSH } from '../../git/pkt-line.ts'
import type { Authorization, Settlement } from '../../workspace/contract.ts'
import { answer, plainRefusal } from '../frame/answers.ts'
import type { GatewayContext, GatewayRpc, Handle, Handled } from '../frame/context.ts'
import { denial } from '../frame/denials.ts'
import { drain } from './drain.ts'
import { deadlineSignal, settleLease, watchPush, withGrace } from '../frame/lease-watch.ts'
import { CUT, relayReport } from './push-relay.ts'
import { readPushHead } from '../../git/receive-pack.ts'
import type { PushHead } from '../../git/receive-pack.ts'
import { wantsReport, writeRefusal } from '../../git/receive-report.ts'
import type { RefusalInput } from '../../git/receive-report.ts'
import { pour } from './read-stream.ts'
import { askGitHost } from './upstream-git.ts'

/** Applies to the commands alone, which git sends at once. */
const HEAD_TIMEOUT_MS = 30_000
const RESULT = 'application/x-git-receive-pack-result'
type Push = Extract<PushHead, { kind: 'push' }>
type Right = Extract<Authorization, { ok: true }>

export const receivePack: Handle<PlanClaims> = async (request, claims, context) => {
  if ((request.headers.get('content-encoding') ?? 'identity') !== 'identity')
    return plainRefusal(415, 'encoding', 'A push may not be compressed as a whole.')
  if (request.body === null) return plainRefusal(400, 'empty', 'The request has no body.')
  const reader = createByteReader(request.body, HEAD_TIMEOUT_MS)
  const head = await readPushHead(reader)
  const leftover = reader.release()
  const judged = await grantPush(head, claims, context)
  if ('response' in judged) {
    await drain(request.body)
    return judged
  }
  const length = contentLength(request, reader.taken())
  return pass({ ...judged, body: request.body, leftover, length, context })
}

type Granted = Pick<PassInput, 'head' | 'right' | 'rpc'>

/** Returns the push with its granted lease, or the answer that refuses it. */
async function grantPush(
  head: PushHead,
  claims: PlanClaims,
  context: GatewayContext,
): Promise<Granted | Handled> {
  if (head.kind === 'malformed')
    return refusal('malformed', {
      capabilities: head.capabilities,
      commands: head.commands,
      reasons: head.commands.map(({ ref }) => ({ ref, text: head.reason })),
      message: `gateway: this push was not understood: ${head.reason}.`,
      unpackError: head.reason,
    })
  const rpc = await context.workspace(claims.workspace)
  if (head.kind === 'probe') return probe(rpc, claims, context)
  if (!wantsReport(head.capabilities))
    return plainRefusal(
      403,
      'no_report',
      'A push must ask for report-status, so that it can be told what happened.',
    )
  const right = await rpc.authorize(claims, { kind: 'git_push', commands: head.commands })
  if (right.ok) return { head, right, rpc }
  const text = denial(right.reason).message
  const reasons = right.refs ?? head.commands.map(({ ref }) => ({ ref, text }))
  return refusal(right.reason, { ...head, reasons, message: `gateway: ${text}` })
}

/** Passes the probe to the host as it is, so that a refused credential shows before a large pack is sent. */
async function probe(rpc: GatewayRpc, claims: PlanClaims, context: GatewayContext): Promise<Handled> {
  const right = await rpc.authorize(claims, { kind: 'git_push_discover' })
  if (!right.ok) return plainRefusal(403, right.reason, denial(right.reason).message)
  const upstream = await askGitHost(context, {
    gitRemote: right.gitRemote,
    path: 'git-receive-pack',
    body: FLUSH,
    signal: deadlineSignal(context, right.deadlineMs),
  })
  await settleLease(rpc, right.leaseId, { kind: 'read' })
  if (!upstream.ok) return plainRefusal(403, upstream.code, upstream.text)
  await upstream.response.body?.cancel()
  return { response: answer(200, RESULT, null), outcome: 'probe' }
}

interface PassInput {
  body: ReadableStream<Uint8Array>
  /** Pack bytes that arrived together with the commands. */
  leftover: Uint8Array<ArrayBuffer>
  /** Number of bytes after the commands; null when the push is chunked. */
  length: number | null
  head: Push
  right: Right
  rpc: GatewayRpc
  context: GatewayContext
}

async function pass({ body, leftover, length, head, right, rpc, context }: PassInput): Promise<Handled> {
  let sent = false
  const { leaseId, deadlineMs } = right
  const watch = withGrace(watchPush({ rpc, leaseId, deadlineMs, nowMs: context.nowMs }), () => sent)
  const start = concatBytes([head.head, leftover])
  // The length is sent where it is known, because some hosts take no chunked bodies.
  const passage =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(head.head.byteLength + length)
  const uploading = new AbortController()
  const stop = AbortSignal.any([watch.signal, uploading.signal])
  const options = { signal: stop, preventCancel: true }
  const poured = pour(start, body, passage.writable, options).then((whole) => void (sent = whole))
  const upstream = await askGitHost(context, {
    gitRemote: right.gitRemote,
    path: 'git-receive-pack',
    body: passage.readable,
    signal: watch.signal,
  })
  if (!upstream.ok) {
    uploading.abort() // a host that refuses early leaves the rest of the pack unread
    watch.stop()
    const text = watch.ended() === null ? upstream.text : CUT
    const settlement: Settlement =
      upstream.answered && watch.ended() === null
        ? { kind: 'refused_upstream', detail: upstream.code }
        : { kind: 'unknown' }
    await settleLease(rpc, leaseId, settlement)
    await poured
    await drain(body)
    const reasons = head.commands.map(({ ref }) => ({ ref, text }))
    return refusal(watch.ended() ?? upstream.code, { ...head, reasons, message: `gateway: ${text}` })
  }
  const { readable, done } = relayReport({
    response: upstream.response,
    head,
    leaseId,
    rpc,
    watch,
  })
  return { response: answer(200, RESULT, readable), outcome: 'passed', done }
}

/** Returns the body bytes after the commands, from the client's content-length; null for a chunked push. */
function contentLength(request: Request, taken: number): number | null {
  const length = request.headers.get('content-length')
  return length !== null && /^\d{1,15}$/.test(length) && Number(length) >= taken
    ? Number(length) - taken
    : null
}

function refusal(outcome: string, input: RefusalInput): Handled {
  const body = writeRefusal(input)
  return body === null
    ? plainRefusal(403, outcome, input.message)
    : { response: answer(200, RESULT, body), outcome }
}
