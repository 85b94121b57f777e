// The whole way of a client through OAuth, before the real Worker: registration, consent, code, tokens, refresh, revocation.
import { describe, expect, it } from 'vitest'
import {
  ask,
  authorizeUrl,
  connect,
  consent,
  exchange,
  field,
  goesTo,
  Grant,
  openBrowser,
  ORIGIN,
  REDIRECT_URI,
  register,
  rpc,
  token,
} from '../support/oauth-client.ts'

async function owner(address: string) {
  const browser = openBrowser(address)
  expect((await browser.signIn()).status).toBe(303)
  return browser
}

describe('what a client finds', () => {
  it('a 401 names the metadata and both scopes; the metadata stands at the path of the resource and at the root', async () => {
    const response = await ask('/mcp', { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer realm="agent-execution-runtime", resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp", scope="read write"`,
    )
    for (const path of [
      '/.well-known/oauth-protected-resource/mcp',
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/mcp/',
      '/.well-known/oauth-protected-resource/',
    ])
      expect(await (await ask(path)).json()).toEqual({
        resource: `${ORIGIN}/mcp`,
        authorization_servers: [ORIGIN],
        scopes_supported: ['read', 'write'],
        bearer_methods_supported: ['header'],
        resource_name: 'Agent Execution Runtime',
      })
  })

  it('the authorization server offers S256 only, both registrations, issuer in answers, and revocation', async () => {
    expect(await (await ask('/.well-known/oauth-authorization-server')).json()).toMatchObject({
      issuer: ORIGIN,
      authorization_endpoint: `${ORIGIN}/authorize`,
      token_endpoint: `${ORIGIN}/oauth/token`,
      registration_endpoint: `${ORIGIN}/oauth/register`,
      revocation_endpoint: expect.stringContaining(ORIGIN),
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      scopes_supported: ['read', 'write'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    })
  })
})

describe('the code', () => {
  it('comes with state and issuer, and becomes a token that works on /mcp and /plans', async () => {
    const browser = await owner('198.51.100.1')
    const clientId = await register()
    const page = await (await browser.get(await authorizeUrl(clientId))).text()
    expect(page).toContain('client.test')
    const answer = await browser.post('/authorize', [
      ['handle', field(page, 'handle')],
      ['decision', 'allow'],
      ['scope', 'write'],
    ])
    const back = goesTo(await answer.text())
    expect(back.href.startsWith(REDIRECT_URI)).toBe(true)
    expect(back.searchParams.get('state')).toBe('st-1')
    expect(back.searchParams.get('iss')).toBe(ORIGIN)
    const { status, body } = await exchange(clientId, back.searchParams.get('code') ?? '')
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'bearer', scope: 'read write' })
    const { access } = Grant.parse(body)
    expect((await rpc(access, 'tools/list')).status).toBe(200)
    const plan = await ask('/plans/none', { headers: { authorization: `Bearer ${access}` } })
    expect(plan.status).toBe(404)
  })

  it('is refused with a wrong verifier, another redirect address or another client', async () => {
    const browser = await owner('198.51.100.2')
    const clientId = await register()
    for (const wrong of [
      { code_verifier: 'w'.repeat(64) },
      { redirect_uri: 'https://client.test/other' },
      { client_id: await register() },
    ]) {
      const { status, body } = await exchange(clientId, await consent(browser, clientId), wrong)
      expect(status).toBe(400)
      expect(body).toMatchObject({ error: 'invalid_grant' })
    }
  })

  it('works once: a replay is refused and ends what the first use gave', async () => {
    const browser = await owner('198.51.100.3')
    const clientId = await register()
    const code = await consent(browser, clientId)
    const { access } = Grant.parse((await exchange(clientId, code)).body)
    expect((await exchange(clientId, code)).body).toMatchObject({ error: 'invalid_grant' })
    expect((await rpc(access, 'tools/list')).status).toBe(401)
  })
})

describe('what is refused before consent', () => {
  it('a foreign redirect address and an unknown client are shown to the owner, never redirected to', async () => {
    const browser = await owner('198.51.100.4')
    const clientId = await register()
    for (const path of [
      await authorizeUrl(clientId, { redirect_uri: 'https://evil.test/callback' }),
      await authorizeUrl('nobody'),
    ]) {
      const response = await browser.get(path)
      expect(response.status).toBe(400)
      expect(await response.text()).not.toContain('http-equiv="refresh"')
    }
  })

  it.each([
    ['no PKCE', { code_challenge: null, code_challenge_method: null }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['another resource', { resource: 'https://runtime.test/other' }, 'invalid_target'],
    ['the implicit grant', { response_type: 'token' }, 'unsupported_response_type'],
  ])('%s goes back to the client as an error', async (name, changes, code) => {
    const browser = await owner(`refused: ${name}`)
    const clientId = await register({}, '192.0.2.2')
    const back = goesTo(await (await browser.get(await authorizeUrl(clientId, changes))).text())
    expect(back.searchParams.get('error')).toBe(code)
    expect(back.searchParams.get('iss')).toBe(ORIGIN)
  })

  it('PKCE is asked of clients with a secret too', async () => {
    const browser = await owner('198.51.100.5')
    const clientId = await register({ token_endpoint_auth_method: 'client_secret_post' })
    const path = await authorizeUrl(clientId, { code_challenge: null, code_challenge_method: null })
    const back = goesTo(await (await browser.get(path)).text())
    expect(back.searchParams.get('error')).toBe('invalid_request')
  })

  it('who is not signed in is sent to the login, and no client is looked up', async () => {
    const path = await authorizeUrl('https://client.test/oauth.json')
    const response = await openBrowser('198.51.100.6').get(path)
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe(`/login?next=${encodeURIComponent(path)}`)
  })
})

describe('deny', () => {
  it('goes back with access_denied, state and issuer', async () => {
    const browser = await owner('198.51.100.7')
    const page = await (await browser.get(await authorizeUrl(await register()))).text()
    const answer = await browser.post('/authorize', [
      ['handle', field(page, 'handle')],
      ['decision', 'deny'],
    ])
    const back = goesTo(await answer.text())
    expect(Object.fromEntries(back.searchParams)).toMatchObject({
      error: 'access_denied',
      state: 'st-1',
      iss: ORIGIN,
    })
  })
})

describe('tokens', () => {
  it('a refresh gives new ones; the one before the last is refused', async () => {
    const { clientId, tokens } = await connect(await owner('198.51.100.8'))
    const refresh = (refresh_token: string) =>
      token({ grant_type: 'refresh_token', client_id: clientId, refresh_token })
    const second = Grant.parse((await refresh(tokens.refresh)).body)
    expect(second.refresh).not.toBe(tokens.refresh)
    expect((await rpc(second.access, 'tools/list')).status).toBe(200)
    const third = Grant.parse((await refresh(second.refresh)).body)
    expect((await refresh(tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' })
    expect((await rpc(third.access, 'tools/list')).status).toBe(200)
  })

  it('revocation by the client ends the access token and the refresh token', async () => {
    const { clientId, tokens } = await connect(await owner('198.51.100.9'))
    expect((await token({ token: tokens.refresh, client_id: clientId })).status).toBe(200)
    expect((await rpc(tokens.access, 'tools/list')).status).toBe(401)
    const again = await token({
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: tokens.refresh,
    })
    expect(again.body).toMatchObject({ error: 'invalid_grant' })
  })

  it('another OWNER_TOKEN ends access tokens, refresh tokens and sessions', async () => {
    const browser = await owner('198.51.100.10')
    const { clientId, tokens } = await connect(browser)
    const changes = { OWNER_TOKEN: 'another-owner-token-0123456789-0123456789' }
    expect((await rpc(tokens.access, 'tools/list', {}, { changes })).status).toBe(401)
    const refreshed = await token(
      { grant_type: 'refresh_token', client_id: clientId, refresh_token: tokens.refresh },
      changes,
    )
    expect(refreshed.body).toMatchObject({ error: 'invalid_grant' })
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const page = await ask('/', { headers: { cookie } }, changes)
    expect(await page.text()).not.toContain('Connected clients')
    expect(await (await browser.get('/')).text()).toContain('Connected clients')
  })
})
