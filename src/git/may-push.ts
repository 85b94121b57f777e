// Asks a git host whether a credential may push, without pushing: the host sends receive-pack's advertisement only if so.
import { fetchUpstream } from '../lib/fetch.ts'
import { basicAuth } from './basic-auth.ts'

export interface MayPushInput {
  remote: string
  credential: { user: string; token: string } | null
  timeoutMs: number
}

/** Returns `unknown` when the host did not answer, or its answer says neither. */
export async function mayPush(input: MayPushInput): Promise<'yes' | 'no' | 'unknown'> {
  const { remote, credential, timeoutMs } = input
  try {
    const url = `${remote.replace(/\/+$/, '')}/info/refs?service=git-receive-pack`
    const response = await fetchUpstream('The git host', url, timeoutMs, {
      headers: credential === null ? {} : { authorization: basicAuth(credential) },
    })
    await response.body?.cancel()
    const type = response.headers.get('content-type') ?? ''
    if (response.status === 200) return type.startsWith('application/x-git-receive-pack') ? 'yes' : 'no'
    return response.status === 401 || response.status === 403 || response.status === 404 ? 'no' : 'unknown'
  } catch {
    return 'unknown'
  }
}
