// A route as data: its area (the log's name for it), the kinds of token it is for, and a handler that gets claims of those kinds only.
import type { VmClaims } from '../../auth/vm-token.ts'
import type { Handle } from './context.ts'

export type Area = 'git' | 'model' | 'sync' | 'diff' | 'delivery'
type TokenKind = VmClaims['kind']
type ClaimsOf<Kind extends TokenKind> = Extract<VmClaims, { kind: Kind }>

export interface Route {
  area: Area
  handle: Handle<VmClaims>
}

interface RouteInput<Kind extends TokenKind> {
  area: Area
  who: readonly Kind[]
  /** The answer to a token of another kind. */
  wrongToken(this: void, kind: TokenKind): Response
  handle: Handle<ClaimsOf<Kind>>
}

export function route<Kind extends TokenKind>({ area, who, wrongToken, handle }: RouteInput<Kind>): Route {
  const isForUs = (claims: VmClaims): claims is ClaimsOf<Kind> => who.some((kind) => kind === claims.kind)
  return {
    area,
    handle: async (request, claims, context) =>
      isForUs(claims)
        ? handle(request, claims, context)
        : { response: wrongToken(claims.kind), outcome: 'wrong_token' },
  }
}
