// The list of connected clients, and what strangers find at the doors of OAuth.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { CANARIES } from '../setup/options.ts'
import { ask, connect, field, openBrowser, register, rpc } from '../support/oauth-client.ts'

const account = env.ACCOUNT.getByName('account')

describe('a connected client', () => {
  it('is listed with what it may do, and ending it ends its tokens', async () => {
    const browser = openBrowser('lists')
    await browser.signIn()
    const { tokens } = await connect(browser, [])
    const start = await (await browser.get('/')).text()
    expect(start).toContain('Test client')
    expect(start).toContain('sees only')
    const [formToken, grant] = [field(start, 'form_token'), tokens.access.split(':')[1] ?? '']
    expect(start).toContain(grant)
    const answer = await browser.post('/clients/end', [
      ['form_token', formToken],
      ['grant', grant],
    ])
    expect(answer.headers.get('location')).toBe('/')
    expect((await rpc(tokens.access, 'tools/list')).status).toBe(401)
    expect(await (await browser.get('/')).text()).not.toContain(grant)
  })

  it('of an older owner token is cleared away', async () => {
    const browser = openBrowser('old owner')
    await browser.signIn()
    const { tokens } = await connect(browser)
    const grant = tokens.access.split(':')[1] ?? ''
    const changes = { OWNER_TOKEN: 'yet-another-owner-token-0123456789-0123456789' }
    const newOwner = openBrowser('new owner', changes)
    await newOwner.signIn(changes.OWNER_TOKEN)
    expect(await (await newOwner.get('/')).text()).not.toContain(grant)
    // Gone for good, also should the old owner token come back.
    expect((await rpc(tokens.access, 'tools/list')).status).toBe(401)
  })
})

describe('strangers', () => {
  it('register at most 20 clients an hour from one place, and ask for tokens 300 times', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => register({}, 'many')))
    expect(new Set(ids).size).toBe(20)
    const refused = await ask('/oauth/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'cf-connecting-ip': 'many' },
      body: JSON.stringify({ redirect_uris: ['https://client.test/callback'] }),
    })
    expect(refused.status).toBe(429)

    const door = { door: '/oauth/token 203.0.113.9', most: 300, withinMs: 3_600_000, nowMs: Date.now() }
    await runInDurableObject(account, (object) => {
      for (let index = 0; index < 299; index += 1) object.admit(door)
    })
    const asked = async () =>
      (
        await ask('/oauth/token', {
          method: 'POST',
          headers: { 'cf-connecting-ip': '203.0.113.9' },
          body: new URLSearchParams({ grant_type: 'authorization_code', client_id: 'nobody' }),
        })
      ).status
    expect(await asked()).toBe(401)
    expect(await asked()).toBe(429)
  })

  it('find the pages only under the name in PUBLIC_URL, never in a frame, never in a cache', async () => {
    expect((await ask('https://rebound.test/login')).status).toBe(421)
    expect((await ask('https://rebound.test/oauth/register', { method: 'POST', body: '{}' })).status).toBe(
      421,
    )
    for (const path of ['/', '/login']) {
      const { headers } = await ask(path)
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
      )
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  it('without PUBLIC_URL there is no OAuth, and the owner token still works', async () => {
    const changes = { PUBLIC_URL: '' }
    expect((await ask('/.well-known/oauth-authorization-server', {}, changes)).status).toBe(503)
    const refused = await ask('/mcp', { method: 'POST', body: '{}' }, changes)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="agent-execution-runtime"')
    expect((await rpc(CANARIES.OWNER_TOKEN, 'tools/list', {}, { changes })).status).toBe(200)
  })
})
