// Deletes one ref by git's own push protocol, on any host: the command names the value the ref must still have, so the
// host itself refuses when somebody moved it since (GitHub's REST delete has no such guard). Spec: gitprotocol-pack, gitprotocol-http.
import { fetchUpstream } from '../lib/fetch.ts'

const TIMEOUT_MS = 20_000
const MAX_REPORT_BYTES = 65_536

export interface DeleteRefInput {
  remote: string
  credential: { user: string; token: string } | null
  ref: string
  /** The value it must still have. */
  oldId: string
}

/** gone: deleted now, or absent before. moved: the host refused because it points elsewhere (or protects it). */
export async function deleteRef({
  remote,
  credential,
  ref,
  oldId,
}: DeleteRefInput): Promise<'gone' | 'moved'> {
  const format = oldId.length === 64 ? ' object-format=sha256' : ''
  const command = `${oldId} ${'0'.repeat(oldId.length)} ${ref}\0 report-status delete-refs${format} agent=agent-execution-runtime`
  const length = (new TextEncoder().encode(command).byteLength + 4).toString(16).padStart(4, '0')
  const response = await fetchUpstream('The git host', `${remote}/git-receive-pack`, TIMEOUT_MS, {
    method: 'POST',
    headers: {
      accept: 'application/x-git-receive-pack-result',
      'content-type': 'application/x-git-receive-pack-request',
      'user-agent': 'git/agent-execution-runtime',
      ...(credential === null
        ? {}
        : { authorization: `Basic ${btoa(`${credential.user}:${credential.token}`)}` }),
    },
    body: `${length}${command}0000`,
  })
  const report = (await response.text()).slice(0, MAX_REPORT_BYTES)
  return response.ok && report.includes(`ok ${ref}`) ? 'gone' : 'moved'
}
