// Who may call /mcp and /plans: whoever holds OWNER_TOKEN. Asked before a body is read or an object is touched.
import { secretsEqual } from '../lib/crypto.ts'
import { bearerToken } from '../lib/http.ts'

/** null: the owner. Otherwise the 401 to send. An unset OWNER_TOKEN matches nothing. */
export async function refuseUnlessOwner(headers: Headers, ownerToken: string): Promise<Response | null> {
  const given = bearerToken(headers)
  if (given !== null && (await secretsEqual(given, ownerToken))) return null
  const message =
    ownerToken === ''
      ? 'OWNER_TOKEN is not set on this Worker, so nobody can be let in. `npm run deploy` makes it; /healthz lists what else is missing.'
      : given === null
        ? 'Send the owner token: the header "Authorization: Bearer <OWNER_TOKEN>". `npm run deploy` (or `npm run dev`) printed it.'
        : 'This is not the OWNER_TOKEN of this Worker. `npm run deploy` (or `npm run dev`) printed it.'
  return Response.json(
    { error: { code: 'unauthorized', message } },
    {
      status: 401,
      headers: {
        // RFC 6750: no error code when no credential was sent.
        'www-authenticate': `Bearer realm="agent-execution-runtime"${given === null ? '' : ', error="invalid_token"'}`,
        'cache-control': 'no-store',
      },
    },
  )
}
