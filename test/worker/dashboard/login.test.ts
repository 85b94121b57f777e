// Signing in: wrong secrets are refused and slowed down, pairing codes work once, forms from elsewhere do nothing.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { CANARIES } from '../setup/options.ts'
import {
  ask,
  authorizeUrl,
  connect,
  field,
  goesTo,
  openBrowser,
  ORIGIN,
  register,
  rpc,
} from '../support/oauth-client.ts'

const account = env.ACCOUNT.getByName('account')

describe('a wrong secret', () => {
  it('is refused, and the next try of the same source has to wait, right or wrong', async () => {
    const browser = openBrowser('slow')
    expect((await browser.signIn('wrong')).status).toBe(401)
    const second = await browser.signIn()
    expect(second.status).toBe(429)
    expect(second.headers.get('retry-after')).toBe('1')
    expect(browser.cookies.size).toBe(0)
    expect((await openBrowser('somebody else').signIn()).status).toBe(303)
  })

  it('costs 1 s, then twice as much each time up to 5 minutes, forgotten after an hour', async () => {
    let nowMs = 1_000_000_000
    const waits: number[] = []
    for (let index = 0; index < 12; index += 1) {
      expect(await account.countTry('patient', nowMs)).toBe(0)
      const waitMs = await account.countTry('patient', nowMs)
      waits.push(waitMs / 1_000)
      nowMs += waitMs
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
    nowMs += 60 * 60_000 + 1
    expect(await account.countTry('patient', nowMs)).toBe(0)
    expect(await account.countTry('patient', nowMs)).toBe(1_000)
  })

  it('cannot be tried many times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => openBrowser('hasty').signIn('wrong')))
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(1)
  })

  it('counts for a whole IPv6 network of one client', async () => {
    expect((await openBrowser('2001:db8:1:2:aaaa::1').signIn('wrong')).status).toBe(401)
    expect((await openBrowser('2001:db8:1:2:bbbb::2').signIn('wrong')).status).toBe(429)
  })

  it('an unset owner token lets nobody in, not even with an empty secret', async () => {
    const browser = openBrowser('unset', { OWNER_TOKEN: '' })
    expect((await browser.signIn('')).status).toBe(401)
  })
})

describe('a pairing code', () => {
  const make = async () => {
    const response = await ask('/pairing', {
      method: 'POST',
      headers: { authorization: `Bearer ${CANARIES.OWNER_TOKEN}` },
    })
    expect(response.status).toBe(201)
    const body: unknown = await response.json()
    return String(body && typeof body === 'object' && 'code' in body ? body.code : '')
  }

  it('signs in once, however it is typed', async () => {
    const code = await make()
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    const typed = ` ${code.toLowerCase().replace('-', ' ')} `
    expect((await openBrowser('phone').signIn(typed)).status).toBe(303)
    expect((await openBrowser('thief').signIn(code)).status).toBe(401)
  })

  it('ends after ten minutes, and when a new one is made', async () => {
    const [first, second] = [await make(), await make()]
    expect((await openBrowser('late one').signIn(first)).status).toBe(401)
    expect((await openBrowser('in time').signIn(second)).status).toBe(303)
    const held = { hash: 'h'.repeat(64), owner: 'o', nowMs: 1_000 }
    const expiresAtMs = await account.keepPairingCode(held)
    expect(expiresAtMs - held.nowMs).toBe(10 * 60_000)
    expect(await account.redeemPairingCode({ ...held, nowMs: expiresAtMs })).toBe(false)
  })

  it('ends after a thousand wrong guesses, and with another owner token', async () => {
    const held = { hash: 'right', owner: 'o', nowMs: 1_000 }
    await account.keepPairingCode(held)
    expect(await account.redeemPairingCode({ ...held, owner: 'another' })).toBe(false)
    await runInDurableObject(account, (object) => {
      for (let index = 0; index < 1_000; index += 1) object.redeemPairingCode({ ...held, hash: 'wrong' })
    })
    expect(await account.redeemPairingCode(held)).toBe(false)
  })

  it('is made for nobody but the owner: not for a client of OAuth, not without a token', async () => {
    const browser = openBrowser('pairing owner')
    await browser.signIn()
    const { tokens } = await connect(browser)
    const asked = (headers: Record<string, string>) => ask('/pairing', { method: 'POST', headers })
    expect((await asked({ authorization: `Bearer ${tokens.access}` })).status).toBe(401)
    expect((await asked({})).status).toBe(403)
  })

  it('is shown to the owner on a page', async () => {
    const browser = openBrowser('pairing page')
    await browser.signIn()
    const formToken = field(await (await browser.get('/')).text(), 'form_token')
    const page = await (await browser.post('/pairing', [['form_token', formToken]])).text()
    const code = /class="code">([^<]+)</.exec(page)?.[1] ?? ''
    expect((await openBrowser('the phone').signIn(code)).status).toBe(303)
  })
})

describe('a session', () => {
  it('is a cookie for this host only, out of reach of scripts, and ends when signed out', async () => {
    const browser = openBrowser('session')
    const cookie = (await browser.signIn()).headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(
      /^__Host-aer-session=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=43200; Secure$/,
    )
    const formToken = field(await (await browser.get('/')).text(), 'form_token')
    const stolen = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    await browser.post('/logout', [['form_token', formToken]])
    expect(browser.cookies.size).toBe(0)
    expect(await (await ask('/', { headers: { cookie: stolen } })).text()).not.toContain('Connected clients')
  })

  it('after signing in goes to the consent page or the start page, never elsewhere', async () => {
    const path = await authorizeUrl('x')
    const wanted = [
      [path, path],
      ['https://evil.test/authorize', '/'],
      ['//evil.test/authorize', '/'],
      ['/\\evil.test/authorize', '/'],
      ['/authorize/../pairing', '/'],
      ['javascript:alert(1)', '/'],
    ]
    for (const [next = '', location] of wanted) {
      const response = await openBrowser(`next ${next}`).post('/login', [
        ['secret', CANARIES.OWNER_TOKEN],
        ['next', next],
      ])
      expect(response.headers.get('location')).toBe(location)
    }
  })
})

describe('forms', () => {
  it.each([
    ['another site', { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
    ['another site, by an old browser', { origin: 'https://evil.test' }],
    ['a subdomain beside us', { origin: ORIGIN, 'sec-fetch-site': 'same-site' }],
    ['a page without an origin', { origin: 'null' }],
    ['nobody knows where', {}],
  ])('from %s do nothing', async (name, headers) => {
    const browser = openBrowser(`forged ${name}`)
    await browser.signIn()
    const page = await (await browser.get(await authorizeUrl(await register({}, `forged ${name}`)))).text()
    const approve: [string, string][] = [
      ['handle', field(page, 'handle')],
      ['decision', 'allow'],
    ]
    expect((await browser.post('/authorize', approve, headers)).status).toBe(403)
    expect((await browser.post('/login', [['secret', CANARIES.OWNER_TOKEN]], headers)).status).toBe(403)
    // The form itself was good.
    expect((await browser.post('/authorize', approve)).status).toBe(200)
  })

  it('of ours need what only this browser knows: the token of its session, the cookie of its consent', async () => {
    const browser = openBrowser('own forms')
    await browser.signIn()
    const { tokens } = await connect(browser)
    const start = await (await browser.get('/')).text()
    const grant = field(start, 'grant')
    for (const forgery of ['', 'f'.repeat(32)]) {
      const fields: [string, string][] = [
        ['form_token', forgery],
        ['grant', grant],
      ]
      for (const path of ['/clients/end', '/logout', '/pairing'])
        expect((await browser.post(path, fields)).status).toBe(403)
    }
    expect((await rpc(tokens.access, 'tools/list')).status).toBe(200)

    const victim = openBrowser('victim')
    await victim.signIn()
    const page = await (await browser.get(await authorizeUrl(await register({}, 'own forms')))).text()
    const response = await victim.post('/authorize', [
      ['handle', field(page, 'handle')],
      ['decision', 'allow'],
    ])
    expect(response.status).toBe(400)
    expect(await response.text()).not.toContain('http-equiv="refresh"')
  })

  it('a consent works once', async () => {
    const browser = openBrowser('once')
    await browser.signIn()
    const page = await (await browser.get(await authorizeUrl(await register({}, 'once')))).text()
    const deny: [string, string][] = [
      ['handle', field(page, 'handle')],
      ['decision', 'deny'],
    ]
    expect(goesTo(await (await browser.post('/authorize', deny)).text()).searchParams.get('error')).toBe(
      'access_denied',
    )
    expect((await browser.post('/authorize', deny)).status).toBe(400)
  })

  it('that are too long or of another kind are refused', async () => {
    const browser = openBrowser('long')
    expect((await browser.post('/login', [['secret', 'x'.repeat(70_000)]])).status).toBe(413)
    const json = { origin: ORIGIN, 'content-type': 'application/json' }
    expect((await browser.post('/login', [['secret', 'x']], json)).status).toBe(415)
  })
})
