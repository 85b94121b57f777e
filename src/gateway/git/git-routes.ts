// git smart HTTP. A clone, fetch or push needs exactly three requests: info/refs, git-upload-pack and git-receive-pack;
// everything else is refused. fetch.ts reads; push-advertisement.ts and push.ts decide what a push is offered and may do. The
// upstream's address comes from the object's row, never from the request.
import type { VmClaims } from '../../auth/vm-token.ts'
import { answer } from '../frame/answers.ts'
import type { GatewayContext, Handled } from '../frame/context.ts'
import { readAdvertisement, uploadPack } from './fetch.ts'
import { pushAdvertisement } from './push-advertisement.ts'
import { receivePack } from './push.ts'

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
