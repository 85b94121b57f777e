// POST /vm/sync, by which a supervisor talks to its workspace, and POST /vm/key, which exchanges a bootstrap ticket for its key.
import type { TicketClaims, VmKeyClaims } from '../auth/vm-token.ts'
import { readCapped } from '../lib/http.ts'
import { PROTOCOL_VERSION, SyncRequest } from '../shared/protocol.ts'
import type { VmKeyResponse } from '../shared/protocol.ts'
import { answer, jsonRefusal } from './frame/answers.ts'
import type { Handle } from './frame/context.ts'
import { parseJson } from '../shared/json.ts'

const MAX_BODY_BYTES = 4_000_000

const SYNC_REFUSALS = {
  stale_nonce: {
    status: 409,
    message: 'This is not the nonce of the last doorbell. Wait for the next doorbell.',
  },
  vm_replaced: { status: 401, message: "This machine is not the workspace's any more. Stop." },
  workspace_removed: { status: 410, message: 'This workspace was removed. Stop.' },
}

export const handleSync: Handle<VmKeyClaims> = async (request, claims, context) => {
  const body = await readCapped(request.body, MAX_BODY_BYTES)
  if (body === null) return jsonRefusal(413, 'too_large', `A sync may have at most ${MAX_BODY_BYTES} bytes.`)
  const parsed = SyncRequest.safeParse(parseJson(body))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const field = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.')
    return jsonRefusal(
      400,
      'bad_request',
      `${field.slice(0, 200)} is not what protocol ${PROTOCOL_VERSION} expects.`,
    )
  }
  const rpc = await context.workspace(claims.workspace)
  const synced = await rpc.vmSync(claims, parsed.data)
  if (synced.ok)
    return { response: answer(200, 'application/json', JSON.stringify(synced.response)), outcome: 'synced' }
  const { status, message } = SYNC_REFUSALS[synced.reason]
  return jsonRefusal(status, synced.reason, message)
}

export const handleKey: Handle<TicketClaims> = async (_request, claims, context) => {
  const rpc = await context.workspace(claims.workspace)
  const vmKey = await rpc.redeemTicket(claims)
  if (vmKey === null)
    return jsonRefusal(
      401,
      'ticket_spent',
      'This ticket was used, has expired or belongs to an older machine.',
    )
  const body: VmKeyResponse = { vmKey, workspace: claims.workspace }
  return { response: answer(200, 'application/json', JSON.stringify(body)), outcome: 'key_given' }
}
