// Deletes one ref by git's own push protocol, which works on any host. The command names the value the ref must still have, so
// the host refuses when it was moved since (GitHub's REST delete has no such check). Spec: gitprotocol-pack, gitprotocol-http.
import { fetchUpstream } from '../lib/fetch.ts'
import { basicAuth } from './basic-auth.ts'
import { concatBytes, FLUSH, pkt } from './pkt-line.ts'

const TIMEOUT_MS = 20_000
const MAX_REPORT_BYTES = 65_536

export interface DeleteRefInput {
  remote: string
  credential: { user: string; token: string } | null
  ref: string
  /** The value the ref must still have. */
  oldId: string
}

/** gone: deleted. kept: the host refused, because the ref points elsewhere, is protected, or does not exist. */
export async function deleteRef(input: DeleteRefInput): Promise<'gone' | 'kept'> {
  const { remote, credential, ref, oldId } = input
  const format = oldId.length === 64 ? ' object-format=sha256' : ''
  const command = `${oldId} ${'0'.repeat(oldId.length)} ${ref}\0 report-status delete-refs${format} agent=agent-execution-runtime`
  const response = await fetchUpstream('The git host', `${remote}/git-receive-pack`, TIMEOUT_MS, {
    method: 'POST',
    headers: {
      accept: 'application/x-git-receive-pack-result',
      'content-type': 'application/x-git-receive-pack-request',
      'user-agent': 'git/agent-execution-runtime',
      ...(credential === null ? {} : { authorization: basicAuth(credential) }),
    },
    body: concatBytes([pkt(command), FLUSH]),
  })
  const report = (await response.text()).slice(0, MAX_REPORT_BYTES)
  return response.ok && report.includes(`ok ${ref}`) ? 'gone' : 'kept'
}
