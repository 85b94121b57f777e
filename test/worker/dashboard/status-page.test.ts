// GET /healthz and GET /: what everybody may know.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { statusRoutes } from '../../../src/dashboard/health.ts'
import { CANARIES } from '../setup/options.ts'

const get = async (path: string, changes: Record<string, string | undefined> = {}) => {
  const response = await statusRoutes.request(path, {}, Object.assign({ ...env }, changes))
  return { status: response.status, headers: response.headers, text: await response.text() }
}

describe('/healthz', () => {
  it('names a line of GIT_CREDENTIALS that cannot be used, and not what stands in it', async () => {
    const { text } = await get('/healthz', {
      GIT_CREDENTIALS: 'https://u:good@ok.example\nhttp://u:hush@plain.example',
    })
    expect(JSON.parse(text)).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^GIT_CREDENTIALS line 2 /)],
    })
    expect(text).not.toMatch(/hush|good|plain\.example/)
  })

  it('is ok when every setting is there', async () => {
    expect(JSON.parse((await get('/healthz')).text)).toEqual({
      ok: true,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      problems: [],
    })
  })

  it('names what is missing or malformed, and never shows a value', async () => {
    const { status, text } = await get('/healthz', {
      ORGO_API_KEY: undefined,
      OWNER_TOKEN: 'short-secret',
      EFFORT: 'huge',
    })
    expect(status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({
      ok: false,
      problems: [
        expect.stringContaining('EFFORT'),
        expect.stringContaining('ORGO_API_KEY'),
        expect.stringContaining('OWNER_TOKEN'),
      ],
    })
    for (const value of [...Object.values(CANARIES), 'short-secret', 'huge'])
      expect(text).not.toContain(value)
  })
})

describe('the status page', () => {
  it('runs no script, and its policy allows exactly its own style', async () => {
    const { headers, text } = await get('/')
    const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? ''
    const hash = btoa(
      String.fromCharCode(
        ...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))),
      ),
    )
    expect(headers.get('content-security-policy')).toContain(`default-src 'none'; style-src 'sha256-${hash}'`)
    expect(text).not.toMatch(/<script|javascript:| style=| on[a-z]+=/i)
    expect(text).toContain('https://runtime.test/mcp')
    expect(text).toContain('running and configured')
  })

  it('escapes its settings, points to /healthz when some are missing, and shows no secret', async () => {
    const { text } = await get('/', { PUBLIC_URL: 'https://x.test/"><img src=x>', TOKEN_KEY: '' })
    expect(text).not.toContain('<img')
    expect(text).toContain('href="/healthz"')
    for (const value of Object.values(CANARIES)) expect(text).not.toContain(value)
  })
})
