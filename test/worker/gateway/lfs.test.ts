// LFS at the gateway: what git-lfs is told in each form of a host's answer, and that no credential and no foreign object gets out.
import { beforeEach, describe, expect, it } from 'vitest'
import type { VmClaims } from '../../../src/auth/vm-token.ts'
import { createFake, PLAN, TICKET, VM } from '../support/gateway-fake.ts'

const TOKEN = 'ghp_CANARYgit0123456789'
const BASIC = btoa(`x-access-token:${TOKEN}`)
const BATCH = '/vm/git/demo.git/info/lfs/objects/batch'
const OID = 'a'.repeat(64)
const OBJECT = `/vm/git/demo.git/info/lfs/objects/${OID}?size=5`
const HERE = `https://runtime.test/vm/git/demo.git/info/lfs/objects/${OID}?size=5`
const TYPE = 'application/vnd.git-lfs+json'

let fake: ReturnType<typeof createFake>
beforeEach(() => {
  fake = createFake()
})

interface Told {
  message?: string
  objects?: {
    oid: string
    size: number
    error?: { code: number; message: string }
    actions?: { download: { href: string; header?: object; expires_in?: number } }
  }[]
}

const post = async (body: unknown, claims: VmClaims = PLAN) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fake.call(BATCH, claims, { method: 'POST', body: text })
  expect(response.headers.get('content-type')).toBe(TYPE)
  const told: Told = await response.json()
  await fake.idle()
  return { status: response.status, told, one: told.objects?.[0] }
}
const download = (objects: unknown = [{ oid: OID, size: 5 }]) => ({
  operation: 'download',
  transfers: ['basic'],
  objects,
})
const json = (value: unknown, status = 200) =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': TYPE } })
/** A host that names this download for the object, and answers other requests with `then`. */
const names = (action: object, then?: () => Response) => {
  fake.upstream = async (request) =>
    then !== undefined && !request.url.endsWith('/batch')
      ? then()
      : json({ objects: [{ oid: OID, size: 5, authenticated: true, actions: { download: action } }] })
}
const askedUrls = () => fake.sent.map(({ url }) => url)

describe('the batch of a download', () => {
  it.each([
    ['at the host', { href: 'https://git.test/o/r.git/info/lfs/objects/x' }],
    ['without an origin', { href: '/o/r.git/info/lfs/objects/x' }],
    [
      'at the host with a header',
      { href: 'https://git.test/lfs/x', header: { Authorization: `Basic ${BASIC}` } },
    ],
  ])('leads an address %s through the gateway, without headers', async (_name, action) => {
    names(action)
    for (const claims of [PLAN, VM]) {
      const { status, one } = await post(download(), claims)
      expect({ status, one }).toEqual({
        status: 200,
        one: { oid: OID, size: 5, actions: { download: { href: HERE } } },
      })
    }
    expect(fake.settled.map(({ kind }) => kind)).toEqual(['read', 'read'])
  })

  it('asks the host of the row, with its credential and without following', async () => {
    names({ href: '/x' })
    await post(download())
    const [asked] = fake.sent
    expect(asked?.url).toBe('https://git.test/o/r.git/info/lfs/objects/batch')
    expect(asked?.headers.get('authorization')).toBe(`Basic ${BASIC}`)
    expect(asked?.redirect).toBe('manual')
    expect(await asked?.json()).toEqual({ ...download(), hash_algo: 'sha256' })
  })

  it('passes a signed address at another host as it is', async () => {
    const href = 'https://store.test/x?signature=s%2Fs'
    names({ href, header: { Accept: '*/*' }, expires_in: 60 })
    const { one } = await post(download())
    expect(one?.actions).toEqual({ download: { href, expires_in: 60 } })
  })

  it.each([
    ['with a user in it', { href: 'https://me:pass@store.test/x' }],
    ['at the host with a user in it', { href: `https://x-access-token:${TOKEN}@git.test/x` }],
    ['with our token in it', { href: `https://store.test/x?token=${TOKEN}` }],
    ['with our credential in it', { href: `https://store.test/x?auth=${encodeURIComponent(BASIC)}` }],
    ['that is not encrypted', { href: 'http://git.test/x' }],
    ['of another kind', { href: 'file:///etc/passwd' }],
    ['with a header', { href: 'https://store.test/x', header: { Authorization: `Basic ${BASIC}` } }],
  ])('does not pass on an address %s', async (_name, action) => {
    names(action)
    const { status, told, one } = await post(download())
    expect(status).toBe(200)
    expect(one).toMatchObject({ error: { code: 422 } })
    expect(one).not.toHaveProperty('actions')
    expect(JSON.stringify(told)).not.toMatch(/CANARY|pass@/)
    expect(JSON.stringify(told)).not.toContain(BASIC)
  })

  it('tells of each object that was asked for, and of no other', async () => {
    const [gone, missing, other] = ['b', 'c', 'd'].map((letter) => letter.repeat(64))
    fake.upstream = async () =>
      json({
        objects: [
          { oid: OID, size: 6, actions: { download: { href: '/x' } } },
          { oid: gone, size: 5, error: { code: 410, message: `words of the host ${TOKEN}` } },
          { oid: other, size: 5, actions: { download: { href: 'https://store.test/other' } } },
        ],
      })
    const { told } = await post(download([OID, gone, missing].map((oid) => ({ oid, size: 5 }))))
    expect(told.objects?.map(({ oid, error }) => [oid, error?.code])).toEqual([
      [OID, 422],
      [gone, 410],
      [missing, 404],
    ])
    expect(JSON.stringify(told)).not.toMatch(/words of the host|CANARY|store/)
  })

  it('serves no object above 2,000,000,000 bytes', async () => {
    fake.upstream = async () =>
      json({ objects: [{ oid: OID, size: 2_000_000_001, actions: { download: { href: '/x' } } }] })
    const { one } = await post(download([{ oid: OID, size: 2_000_000_001 }]))
    expect(one?.error?.message).toContain('2000000000 bytes')
  })
})

describe('a batch that is refused before anyone is asked', () => {
  const many = Array.from({ length: 10_000 }, () => ({ oid: OID, size: 5 }))
  it.each([
    ['an upload', { ...download(), operation: 'upload' }, 403, 'for reading only'],
    ['another operation', { ...download(), operation: 'delete' }, 422, 'neither download nor upload'],
    ['10,000 objects', download(many), 413, 'ask in parts'],
    ['a body of 3 MB', JSON.stringify(download([{ oid: 'x'.repeat(3_000_000), size: 1 }])), 413, 'too long'],
    ['no JSON', 'hello', 422, 'not a request'],
    ['an oid that is a path', download([{ oid: '../../x', size: 5 }]), 422, 'no valid oid'],
    ['a negative size', download([{ oid: OID, size: -1 }]), 422, 'no valid oid'],
    ['another transfer', { ...download(), transfers: ['tus'] }, 422, 'transfer'],
    ['another hash', { ...download(), hash_algo: 'md5' }, 409, 'sha256'],
  ])('%s', async (_name, body, status, words) => {
    const said = await post(body)
    expect(said.status).toBe(status)
    expect(said.told.message).toContain(words)
    expect(fake.sent).toEqual([])
    expect(fake.objectsTouched).toEqual([])
  })

  it('a plan without the right', async () => {
    fake.denied = 'plan_cancelled'
    const { status, told } = await post(download())
    expect({ status, told }).toEqual({ status: 403, told: { message: 'The plan was cancelled. Stop.' } })
    expect(fake.sent).toEqual([])
  })

  it('an expired token, in words of the form that git-lfs prints', async () => {
    const { status, told } = await post(download(), { ...PLAN, expiresAtMs: Date.now() - 1 })
    expect(status).toBe(401)
    expect(told.message).toContain('token_expired')
    expect(fake.objectsTouched).toEqual([])
  })

  it('a bootstrap ticket, another workspace, locks and other paths', async () => {
    const asked: [string, string, VmClaims][] = [
      ['POST', BATCH, TICKET],
      ['POST', BATCH.replace('demo', 'other'), PLAN],
      ['POST', `${BATCH}?x=1`, PLAN],
      ['GET', BATCH, PLAN],
      ['GET', '/vm/git/demo.git/info/lfs/locks', PLAN],
      ['POST', '/vm/git/demo.git/info/lfs/locks/verify', PLAN],
      ['PUT', OBJECT, PLAN],
      ['GET', OBJECT.replace('?size=5', ''), PLAN],
      ['GET', OBJECT.replace('size=5', 'size=-5'), PLAN],
      ['GET', `${OBJECT}&href=https://evil.test/`, PLAN],
      ['GET', OBJECT.replace(OID, OID.toUpperCase()), PLAN],
      ['GET', OBJECT.replace(OID, '..%2f..%2fx'), PLAN],
    ]
    for (const [method, path, claims] of asked) {
      const { status } = await fake.call(path, claims, { method })
      expect([method, path, status]).toEqual([method, path, claims === TICKET ? 403 : 404])
    }
    expect(fake.sent).toEqual([])
  })
})

describe('a host that answers a batch otherwise', () => {
  const page = (status: number, headers: Record<string, string> = {}) =>
    new Response(`<html>${TOKEN}</html>`, { status, headers: { 'content-type': 'text/html', ...headers } })
  it.each([
    ['a page', () => page(200), 403, 'not_lfs'],
    ['no JSON', () => new Response('{', { headers: { 'content-type': TYPE } }), 403, 'not_lfs'],
    ['JSON of another form', () => json({ objects: 'none' }), 403, 'not_lfs'],
    ['another transfer', () => json({ transfer: 'tus', objects: [] }), 403, 'not_lfs'],
    ['5 MB', () => json({ objects: [], x: 'x'.repeat(5_000_000) }), 403, 'not_lfs'],
    ['a redirect', () => page(307, { location: 'https://evil.test/batch' }), 403, 'redirect'],
    ['a refused credential', () => page(401), 403, 'credential'],
    ['no LFS', () => page(404), 404, 'not_found'],
    ['too many requests', () => page(429), 429, 'busy'],
    ['an error', () => page(500), 502, 'upstream_unavailable'],
  ])('%s', async (_name, upstream, status, code) => {
    fake.upstream = async () => upstream()
    const said = await post(download())
    expect(said.status).toBe(status)
    expect(said.told.message).toContain(`(code ${code})`)
    expect(JSON.stringify(said.told)).not.toMatch(/CANARY|html|evil/)
    expect(askedUrls()).toEqual(['https://git.test/o/r.git/info/lfs/objects/batch'])
    expect(fake.settled).toEqual([{ kind: 'read' }])
  })
})

describe('an object at the host', () => {
  const get = async (path = OBJECT) => {
    const response = await fake.call(path, PLAN)
    const text = await response.text().catch(() => 'broken')
    await fake.idle()
    return { response, status: response.status, text }
  }

  it('comes with the credential of the host, and with none of its headers', async () => {
    names(
      { href: '/lfs/x' },
      () => new Response('12345', { headers: { 'set-cookie': TOKEN, 'content-length': '5' } }),
    )
    const { response, status, text } = await get()
    expect({ status, text }).toEqual({ status: 200, text: '12345' })
    expect(JSON.stringify([...response.headers])).not.toContain('CANARY')
    expect(askedUrls()[1]).toBe('https://git.test/lfs/x')
    expect(fake.sent[1]?.headers.get('authorization')).toBe(`Basic ${BASIC}`)
    expect(fake.sent[1]?.redirect).toBe('manual')
    expect(fake.settled).toEqual([{ kind: 'read' }])
  })

  it("comes with the host's own header where it gave one", async () => {
    names(
      { href: '/lfs/x', header: { authorization: 'RemoteAuth r', cookie: 'c' } },
      () => new Response('12345'),
    )
    await get()
    expect(fake.sent[1]?.headers.get('authorization')).toBe('RemoteAuth r')
    expect(fake.sent[1]?.headers.get('cookie')).toBe(null)
  })

  it('is left to the VM where the host sends on to another host, which hears nothing from us', async () => {
    const location = 'https://store.test/x?signature=s'
    names({ href: '/lfs/x' }, () => new Response(null, { status: 302, headers: { location } }))
    const { response, status } = await get()
    expect({ status, location: response.headers.get('location') }).toEqual({ status: 302, location })
    expect(askedUrls().some((url) => url.includes('store.test'))).toBe(false)
    expect(fake.settled).toEqual([{ kind: 'read' }])
  })

  it.each([
    ['to its own host', 'https://git.test/elsewhere'],
    ['to an address with our token', `https://evil.test/${TOKEN}`],
    ['to an address with a user', 'https://me:pass@evil.test/'],
    ['to an address that is not encrypted', 'http://evil.test/'],
    ['to nowhere', 'https://'],
  ])('is refused where the host redirects %s', async (_name, location) => {
    names({ href: '/lfs/x' }, () => new Response(null, { status: 302, headers: { location } }))
    const { response, status, text } = await get()
    expect({ status, location: response.headers.get('location') }).toEqual({ status: 403, location: null })
    expect(text).toContain('(code redirect)')
    expect(fake.sent.length).toBe(2)
  })

  it.each([
    ['another length', () => new Response('123456', { headers: { 'content-length': '6' } })],
    ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ])('is refused when the host sends %s', async (_name, answer) => {
    names({ href: '/lfs/x' }, answer)
    const { status, text } = await get()
    expect(status).toBe(403)
    expect(text).toContain('(code wrong_size)')
  })

  it.each([
    ['more', '123456'],
    ['less', '1234'],
  ])('breaks off when the host sends %s than its size without saying so', async (_name, sent) => {
    names({ href: '/lfs/x' }, () => new Response(new Blob([sent]).stream()))
    const { text } = await get()
    expect(text).not.toBe(sent)
    expect(fake.settled).toEqual([{ kind: 'read' }])
  })

  it('is not asked for when the host does not name it in this repository', async () => {
    fake.upstream = async () =>
      json({ objects: [{ oid: OID, size: 5, error: { code: 404, message: 'no' } }] })
    const { status, text } = await get()
    expect(status).toBe(404)
    expect(text).toContain('no such object in this repository')
    expect(fake.sent.length).toBe(1)
  })
})
