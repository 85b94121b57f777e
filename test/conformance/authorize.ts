// The owner at a browser, as far as the suite needs one: signs in, allows what the client asks for, goes where that leads.
interface Owner {
  baseUrl: string
  ownerToken: string
}

/** Follows an authorization address to its end: the suite's own callback gets the code. */
export async function allow({ baseUrl, ownerToken }: Owner, authorizeUrl: string): Promise<void> {
  const cookies = new Map<string, string>()
  const ask = async (path: string, form?: Record<string, string>): Promise<Response> => {
    const response = await fetch(new URL(path, baseUrl), {
      redirect: 'manual',
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form === undefined ? {} : { origin: baseUrl, 'sec-fetch-site': 'same-origin' }),
      },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }
  await ask('/login', { secret: ownerToken, next: '/' })
  const page = await (await ask(authorizeUrl)).text()
  const handle = /name="handle" value="([^"]*)"/.exec(page)?.[1]
  if (handle === undefined) throw new Error(`no consent page at ${authorizeUrl}: ${page.slice(0, 500)}`)
  const left = await (await ask('/authorize', { handle, decision: 'allow', scope: 'write' })).text()
  const onward = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(left)?.[1]
  if (onward === undefined) throw new Error(`consent led nowhere: ${left.slice(0, 500)}`)
  await fetch(onward.replaceAll('&amp;', '&'))
}

export async function registerClient({ baseUrl }: Owner, redirectUri: string): Promise<string> {
  const response = await fetch(new URL('/oauth/register', baseUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'MCP conformance suite',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  })
  const body: unknown = await response.json()
  if (
    typeof body !== 'object' ||
    body === null ||
    !('client_id' in body) ||
    typeof body.client_id !== 'string'
  )
    throw new Error(`registration answered ${response.status}: ${JSON.stringify(body)}`)
  return body.client_id
}
