// Makes one request to a workspace's git host: the URL from the object's row, headers from an allow-list, the credential last.
// Errors about our credential or the host are reported in our own words; the host's error text never reaches a VM.
import { credentialFor } from '../../auth/git-credentials.ts'
import { basicAuth } from '../../git/basic-auth.ts'
import { log, errorFields } from '../../lib/log.ts'
import type { GatewayContext } from '../frame/context.ts'
import type { GitService } from '../frame/answers.ts'

const AGENT = 'git/2.50 (agent-execution-runtime)'

export interface GitUpstreamInput {
  gitRemote: string
  path: 'info/refs?service=git-upload-pack' | 'info/refs?service=git-receive-pack' | GitService
  body?: ReadableStream<Uint8Array> | Uint8Array
  /** Client headers that matter to git; only well-formed ones are passed on. */
  gitProtocol?: string | null
  contentEncoding?: string | null
  signal?: AbortSignal
}

/** `answered`: the host itself refused, so nothing happened. When it is false, the host's answer is unknown. */
export type GitUpstream =
  | { ok: true; response: Response }
  | { ok: false; code: GitProblem; text: string; answered: boolean }

export type GitProblem =
  | 'credential_missing'
  | 'credential'
  | 'not_found'
  | 'redirect'
  | 'too_large'
  | 'upstream_unavailable'
  | 'not_git'

export async function askGitHost(context: GatewayContext, input: GitUpstreamInput): Promise<GitUpstream> {
  const { gitCredentials, local } = context.settings
  const service: GitService = input.path.endsWith('git-upload-pack') ? 'git-upload-pack' : 'git-receive-pack'
  const isPost = input.path === service
  const credential = credentialFor(gitCredentials, input.gitRemote, { local })
  if (credential === null && service === 'git-receive-pack') return problem('credential_missing')
  const headers = new Headers({
    'user-agent': AGENT,
    accept: isPost ? `application/x-${service}-result` : '*/*',
    'accept-encoding': 'identity',
  })
  if (isPost) headers.set('content-type', `application/x-${service}-request`)
  if (/^version=[0-2]$/.test(input.gitProtocol ?? '')) headers.set('git-protocol', input.gitProtocol ?? '')
  if (input.contentEncoding === 'gzip') headers.set('content-encoding', 'gzip')
  if (credential !== null) headers.set('authorization', basicAuth(credential))

  let response: Response
  try {
    response = await context.fetch(`${input.gitRemote.replace(/\/+$/, '')}/${input.path}`, {
      method: isPost ? 'POST' : 'GET',
      headers,
      // Following a redirect would carry the credential to another address.
      redirect: 'manual',
      ...(input.body === undefined ? {} : { body: input.body }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    })
  } catch (error) {
    log('gateway.git_upstream', errorFields(error))
    return problem('upstream_unavailable', false)
  }
  const code = problemOf(response, `application/x-${service}-${isPost ? 'result' : 'advertisement'}`)
  if (code === null) return { ok: true, response }
  await response.body?.cancel()
  return problem(code, response.status < 500)
}

function problemOf({ status, headers }: Response, contentType: string): GitProblem | null {
  if (status >= 300 && status < 400) return 'redirect'
  if (status === 401 || status === 403) return 'credential'
  if (status === 404 || status === 410) return 'not_found'
  if (status === 413) return 'too_large'
  if (status !== 200) return 'upstream_unavailable'
  return (headers.get('content-type') ?? '').startsWith(contentType) ? null : 'not_git'
}

const TEXTS: Record<GitProblem, string> = {
  credential_missing: 'no git credential is stored for this host; the owner adds one to GIT_CREDENTIALS',
  credential: 'the git host refused the stored git credential; the owner renews it in GIT_CREDENTIALS',
  not_found: 'the git host does not show this repository to the stored git credential (GIT_CREDENTIALS)',
  redirect: 'the git host answered with a redirect, which is not followed; the owner corrects the git remote',
  too_large: 'the git host refused the push as too large',
  upstream_unavailable: 'the git host did not answer as it should; try again',
  not_git: 'the address answered, but not as a git host',
}

function problem(code: GitProblem, answered = true): GitUpstream & { ok: false } {
  return { ok: false, code, text: `${TEXTS[code]} (code ${code})`, answered }
}
