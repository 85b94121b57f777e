// What /vm/* lets in, before any upstream is asked: tokens, kinds of token, browsers; delivery, key and sync.
import { beforeEach, describe, expect, it } from 'vitest'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import type { VmClaims } from '../../../src/auth/vm-token.ts'
import { createFake, PLAN, TICKET, VM } from '../support/gateway-fake.ts'
import { CANARIES } from '../setup/options.ts'

let fake: ReturnType<typeof createFake>
beforeEach(() => {
  fake = createFake()
})

const codeOf = async (response: Response) => {
  const body: { error?: { code?: string; type?: string } } = await response.json()
  return body.error?.code ?? body.error?.type
}

const ROUTES: [string, string][] = [
  ['GET', '/vm/bootstrap.sh'],
  ['GET', '/vm/ralph.mjs?sha=x'],
  ['POST', '/vm/key'],
  ['POST', '/vm/sync'],
  ['GET', '/vm/git/demo.git/info/refs?service=git-upload-pack'],
  ['POST', '/vm/git/demo.git/git-receive-pack'],
  ['POST', '/vm/model/v1/messages'],
  ['GET', '/vm/model/v1/models'],
]

const EXPIRED: VmClaims = { ...TICKET, expiresAtMs: Date.now() - 1 }

describe.each(ROUTES)('%s %s', (method, path) => {
  it.each([
    ['no token', async () => null],
    ['a token of another key', () => signVmToken('another-key-0123456789abcdef0123456789', VM)],
    ['an expired token', () => signVmToken(CANARIES.TOKEN_KEY, EXPIRED)],
    [
      'a token with a changed payload',
      async () => (await signVmToken(CANARIES.TOKEN_KEY, VM)).replace('.', 'x.'),
    ],
    ['no token at all but words', async () => 'let-me-in'],
  ])('refuses %s with 401, touching no object', async (_name, token) => {
    const response = await fake.call(path, await token(), { method })
    expect(response.status).toBe(401)
    expect(fake.objectsTouched).toEqual([])
    expect(fake.sent).toEqual([])
  })

  it("refuses a browser's navigation, and guards its answer", async () => {
    for (const header of [{ 'sec-fetch-mode': 'navigate' }, { 'sec-fetch-dest': 'document' }]) {
      const response = await fake.call(path, VM, { method, headers: header })
      expect(response.status).toBe(403)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('content-security-policy')).toContain('sandbox')
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
    expect(fake.objectsTouched).toEqual([])
  })
})

describe('an expired token', () => {
  it('is told apart, so that its holder waits instead of stopping', async () => {
    expect(await codeOf(await fake.call('/vm/model/v1/messages', EXPIRED, { method: 'POST' }))).toBe(
      'token_expired',
    )
    expect(await codeOf(await fake.call('/vm/model/v1/messages', 'x', { method: 'POST' }))).toBe(
      'token_revoked',
    )
  })
})

describe('git paths', () => {
  it.each([
    ['another workspace', 'GET', '/vm/git/other.git/info/refs?service=git-upload-pack'],
    ['a dumb path', 'GET', '/vm/git/demo.git/HEAD'],
    [
      'a second parameter',
      'GET',
      '/vm/git/demo.git/info/refs?service=git-upload-pack&service=git-receive-pack',
    ],
    ['upload-archive', 'POST', '/vm/git/demo.git/git-upload-archive'],
    ['a climbing path', 'GET', '/vm/git/demo.git/%2e%2e/%2e%2e/x.git/info/refs?service=git-upload-pack'],
    ['an encoded slash', 'GET', '/vm/git/demo.git/..%2f..%2finfo/refs?service=git-upload-pack'],
    ['a doubled slash', 'GET', '/vm/git/demo.git//info/refs?service=git-upload-pack'],
    ['PUT', 'PUT', '/vm/git/demo.git/git-upload-pack'],
    ['HEAD', 'HEAD', '/vm/git/demo.git/info/refs?service=git-upload-pack'],
  ])('refuses %s without asking anyone', async (_name, method, path) => {
    const response = await fake.call(path, PLAN, { method })
    expect(response.status).toBe(404)
    expect(fake.sent).toEqual([])
    expect(fake.objectsTouched).toEqual([])
  })

  it('opens nothing to a bootstrap ticket', async () => {
    const response = await fake.call('/vm/git/demo.git/info/refs?service=git-upload-pack', TICKET)
    expect(response.status).toBe(403)
    expect(fake.sent).toEqual([])
  })

  it('refuses a compressed push', async () => {
    const response = await fake.call('/vm/git/demo.git/git-receive-pack', PLAN, {
      method: 'POST',
      body: 'x',
      headers: { 'content-encoding': 'gzip' },
    })
    expect(response.status).toBe(415)
  })
})

describe('delivery', () => {
  const sha = 'a'.repeat(64)
  beforeEach(() => {
    fake.assets = {
      'bootstrap.sh': '#!/bin/sh',
      'ralph.mjs': 'run()',
      'manifest.json': `{"ralphSha256":"${sha}"}`,
    }
  })

  it('hands both files to a ticket and to a VM key', async () => {
    for (const claims of [TICKET, VM]) {
      expect(await (await fake.call('/vm/bootstrap.sh', claims)).text()).toBe('#!/bin/sh')
      expect(await (await fake.call(`/vm/ralph.mjs?sha=${sha}`, claims)).text()).toBe('run()')
    }
  })

  it('names the version it has when another is asked for', async () => {
    const response = await fake.call(`/vm/ralph.mjs?sha=${'b'.repeat(64)}`, VM)
    expect(response.status).toBe(404)
    expect(await response.text()).toContain(sha)
  })

  it('refuses a machine that is not the current one, and a plan', async () => {
    expect((await fake.call('/vm/bootstrap.sh', PLAN)).status).toBe(403)
    fake.knows = false
    expect((await fake.call('/vm/bootstrap.sh', VM)).status).toBe(401)
  })
})

describe('POST /vm/key', () => {
  it('exchanges a ticket for a key once', async () => {
    const response = await fake.call('/vm/key', TICKET, { method: 'POST' })
    expect(await response.json()).toEqual({ vmKey: 'aer_vm_new', workspace: 'demo' })
    fake.vmKey = null
    expect((await fake.call('/vm/key', TICKET, { method: 'POST' })).status).toBe(401)
  })

  it('takes nothing but a ticket', async () => {
    expect((await fake.call('/vm/key', VM, { method: 'POST' })).status).toBe(403)
    expect((await fake.call('/vm/key', PLAN, { method: 'POST' })).status).toBe(403)
  })
})

const SYNC = {
  protocol: 1,
  nonce: 'n',
  bootId: 'b',
  counter: 1,
  agentSha256: 'x',
  canAddUsers: true,
  revision: 0,
  plans: [],
  wantTexts: [],
  adopted: [],
}
const sync = (body: unknown, claims: VmClaims = VM) =>
  fake.call('/vm/sync', claims, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('POST /vm/sync', () => {
  it.each([
    ['stale_nonce', 409],
    ['vm_replaced', 401],
    ['workspace_removed', 410],
  ] as const)('answers %s with %i', async (reason, status) => {
    fake.sync = { ok: false, reason }
    const response = await sync(SYNC)
    expect(response.status).toBe(status)
    expect(await codeOf(response)).toBe(reason)
  })

  it('passes the object its answer on', async () => {
    const response = {
      protocol: 1,
      revision: 7,
      plans: [],
      texts: [],
      adopted: [],
      agentSha256: 'x',
      refreshMirror: false,
      nextSyncMs: null,
    }
    fake.sync = { ok: true, response }
    expect(await (await sync(SYNC)).json()).toEqual(response)
  })

  it.each([
    ['no JSON', 'hello', 'the body'],
    ['a wrong field', { ...SYNC, counter: -1 }, 'counter'],
    ['a missing field', { ...SYNC, nonce: undefined }, 'nonce'],
  ])('names what is wrong with %s', async (_name, body, field) => {
    const response = await sync(body)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(field)
  })

  it('refuses more than 4 MB and other tokens than a VM key', async () => {
    expect((await sync('x'.repeat(4_000_001))).status).toBe(413)
    expect((await sync(SYNC, PLAN)).status).toBe(403)
    expect(fake.objectsTouched).toEqual([])
  })
})
