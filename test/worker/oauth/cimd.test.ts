// Clients known by a metadata document at their own address, and clients whose words are hostile.
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  authorizeUrl,
  consent,
  exchange,
  Grant,
  openBrowser,
  REDIRECT_URI,
  register,
  rpc,
} from '../support/oauth-client.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** What the client's host answers; any other host is an error. */
function host(answer: () => Response | Promise<Response>) {
  return vi.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!url.startsWith('https://maker.test/')) throw new Error(`Unexpected outbound request: ${url}`)
    return answer()
  })
}

const document = (id: string, fields: Record<string, unknown> = {}) =>
  Response.json({
    client_id: id,
    client_name: 'Made by Maker',
    redirect_uris: [REDIRECT_URI, 'http://127.0.0.1/callback'],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    ...fields,
  })

async function owner(address: string) {
  const browser = openBrowser(address)
  await browser.signIn()
  return browser
}

describe('a client with a metadata document', () => {
  it('is shown with its web site, and is let in', async () => {
    const clientId = 'https://maker.test/good.json'
    host(() => document(clientId))
    const browser = await owner('cimd-good')
    const page = await (await browser.get(await authorizeUrl(clientId))).text()
    expect(page).toContain('<strong>maker.test</strong>')
    expect(page).toContain('Made by Maker')
    const code = await consent(browser, clientId)
    const { access } = Grant.parse((await exchange(clientId, code)).body)
    expect((await rpc(access, 'tools/list')).status).toBe(200)
    expect(await (await browser.get('/')).text()).toContain('maker.test')
  })

  it('that is a program of this computer is shown with a warning, on whatever port it listens', async () => {
    const clientId = 'https://maker.test/local.json'
    host(() => document(clientId))
    const browser = await owner('cimd-local')
    const path = await authorizeUrl(clientId, { redirect_uri: 'http://127.0.0.1:53124/callback' })
    expect(await (await browser.get(path)).text()).toContain('program on the computer you are using')
  })

  it.each([
    ['answers with an error', () => new Response('no', { status: 500 })],
    ['answers with another id', () => document('https://maker.test/else.json')],
    ['answers with no JSON', () => new Response('<html>')],
    ['answers with a redirect', () => Response.redirect('https://maker.test/elsewhere', 302)],
    ['answers with too much', () => document('x', { padding: 'x'.repeat(6_000) })],
    ['cannot be reached', () => Promise.reject(new Error('no route'))],
  ])('whose host %s gets a page that says so, and no redirect', async (name, answer) => {
    host(answer)
    const browser = await owner(`cimd ${name}`)
    const response = await browser.get(
      await authorizeUrl(`https://maker.test/${encodeURIComponent(name)}.json`),
    )
    const page = await response.text()
    expect(response.status).toBe(400)
    expect(page).toContain('could not be looked up')
    expect(page).not.toContain('http-equiv="refresh"')
  })

  it('is not looked up for somebody who is not signed in', async () => {
    const fetched = host(() => new Response('never'))
    await openBrowser('cimd-stranger').get(await authorizeUrl('https://maker.test/x.json'))
    expect(fetched).not.toHaveBeenCalled()
  })
})

describe('hostile words', () => {
  it('of a client are escaped, capped, and lose what hides or reorders text', async () => {
    const clientId = await register(
      { client_name: `</title><script>alert(1)</script>\u202Eevil\u200B${'"\'&'.repeat(200)}` },
      'hostile',
    )
    const browser = await owner('hostile')
    for (const path of [await authorizeUrl(clientId), '/']) {
      const page = await (await browser.get(path)).text()
      expect(page).not.toMatch(/<script|\u202E|\u200B/)
      await consent(browser, clientId)
    }
    const page = await (await browser.get('/')).text()
    expect(page).toContain('&lt;script&gt;alert(1)')
    expect(page).not.toContain('&amp;&quot;'.repeat(60))
  })
})
