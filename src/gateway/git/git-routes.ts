// git smart HTTP. A clone, fetch or push needs exactly three requests: info/refs, git-upload-pack and git-receive-pack. Reading LFS
// needs two more; everything else is refused. fetch.ts reads; push-advertisement.ts and push.ts decide what a push is offered and may
// do; lfs.ts serves LFS objects. The upstream's address comes from the object's row, never from the request.
import { gitError, plainRefusal } from '../frame/answers.ts'
import type { Handled } from '../frame/context.ts'
import { route } from '../frame/route.ts'
import type { Route } from '../frame/route.ts'
import { readAdvertisement, uploadPack } from './fetch.ts'
import { lfsHandle } from './lfs.ts'
import { pushAdvertisement } from './push-advertisement.ts'
import { receivePack } from './push.ts'

const GIT_PATH = /^\/vm\/git\/([a-z0-9][a-z0-9-]{0,39})\.git\/(.+)$/
const NO_TICKET = 'A bootstrap ticket opens no repository.'
const ONLY_FETCH = 'A VM key may only fetch.'

export function gitRoute(method: string, url: URL): Route {
  const [, workspace, rest = ''] = GIT_PATH.exec(url.pathname) ?? []
  const inner = rest.startsWith('info/lfs/')
    ? read(lfsHandle(method, rest, url.search))
    : (SERVICES[`${method} ${rest}${url.search}`] ?? NOT_OFFERED)
  return {
    area: 'git',
    handle: async (request, claims, context) =>
      claims.workspace === workspace
        ? inner.handle(request, claims, context)
        : plainRefusal(404, 'no_such_repository', 'There is no such repository here.'),
  }
}

const read = (handle: (...all: Parameters<typeof uploadPack>) => Promise<Handled>): Route =>
  route({ area: 'git', who: ['plan', 'vm'], wrongToken: () => wrongToken(NO_TICKET), handle })

const SERVICES: Readonly<Record<string, Route>> = {
  'GET info/refs?service=git-upload-pack': read(readAdvertisement),
  'POST git-upload-pack': read(uploadPack),
  'GET info/refs?service=git-receive-pack': route({
    area: 'git',
    who: ['plan'],
    wrongToken: (kind) =>
      kind === 'ticket' ? wrongToken(NO_TICKET) : gitError('git-receive-pack', 'advertisement', ONLY_FETCH),
    handle: pushAdvertisement,
  }),
  'POST git-receive-pack': route({
    area: 'git',
    who: ['plan'],
    wrongToken: (kind) => wrongToken(kind === 'ticket' ? NO_TICKET : ONLY_FETCH),
    handle: receivePack,
  }),
}

const NOT_OFFERED = read(async () => plainRefusal(404, 'not_offered', 'Only git smart HTTP is served here.'))

const wrongToken = (text: string): Response => plainRefusal(403, 'wrong_token', text).response
