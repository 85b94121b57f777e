// The OAuth of foreign clients against `npm run dev`, with no line of theirs written by us: both SDKs and the conformance suite.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import type { OAuthClientProvider } from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { listen, shut } from '../world/listen.ts'
import { OWN_CONNECTION } from './support/calls.ts'
import { decide } from './support/scripted-owner.ts'
import { startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const REDIRECT_URL = 'http://127.0.0.1:43210/callback'
let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

/** What an SDK keeps for a client: in memory, and its address to open goes to the scripted owner. */
function keeper(mayAct: boolean) {
  const kept: {
    client?: Parameters<NonNullable<OAuthClientProvider['saveClientInformation']>>[0]
    tokens?: Parameters<OAuthClientProvider['saveTokens']>[0]
    verifier: string
    code: string
  } = { verifier: '', code: '' }
  const provider: OAuthClientProvider = {
    redirectUrl: REDIRECT_URL,
    clientMetadata: {
      client_name: 'SDK client',
      redirect_uris: [REDIRECT_URL],
      token_endpoint_auth_method: 'none',
    },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => void (kept.tokens = tokens),
    redirectToAuthorization: async (url) => {
      const back = new URL(await decide(url.href, stack.urls.owner_token, { mayAct }))
      kept.code = back.searchParams.get('code') ?? ''
    },
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
  }
  return { provider, kept }
}

describe('a client of OAuth', () => {
  it('SDK v2 finds its way from the 401 by itself, refreshes, and calls tools', async () => {
    const { provider, kept } = keeper(true)
    const transport = () => new ModernTransport(new URL(stack.urls.mcp_url), { authProvider: provider })
    const first = transport()
    await expect(new ModernClient({ name: 'v2', version: '1' }).connect(first)).rejects.toThrow(
      /unauthorized/i,
    )
    await first.finishAuth(new URLSearchParams({ code: kept.code, iss: stack.urls.base_url }))
    const before = kept.tokens?.access_token
    // A token that does not hold any more: the SDK takes its refresh token.
    if (kept.tokens !== undefined) kept.tokens = { ...kept.tokens, access_token: 'owner:gone:gone' }
    const client = new ModernClient({ name: 'v2', version: '1' })
    await client.connect(transport())
    expect((await client.listTools()).tools.length).toBeGreaterThan(10)
    expect(kept.tokens?.access_token).not.toBe(before)
    await client.close()
  })

  it('SDK v1, let in to look only, reads and is refused to act', async () => {
    const { provider, kept } = keeper(false)
    const transport = () => new OldTransport(new URL(stack.urls.mcp_url), { authProvider: provider })
    const first = transport()
    await expect(new OldClient({ name: 'v1', version: '1' }).connect(first)).rejects.toThrow(/unauthorized/i)
    await first.finishAuth(kept.code)
    const client = new OldClient({ name: 'v1', version: '1' })
    await client.connect(transport())
    expect(await client.callTool({ name: 'workspace_list', arguments: {} })).toMatchObject({
      structuredContent: { workspaces: [] },
    })
    await expect(
      client.callTool({ name: 'workspace_remove', arguments: { workspace_id: 'x' } }),
    ).rejects.toThrow(/unauthorized|403|scope/i)
    await client.close()
  })

  it('the authorization suite of the conformance tests passes 3 of 3', async () => {
    const home = await mkdtemp(join(tmpdir(), 'aer-conformance-'))
    const free = createServer()
    const port = new URL(await listen(free, 0)).port
    await shut(free)
    const registered = await fetch(`${stack.urls.base_url}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...OWN_CONNECTION },
      body: JSON.stringify({
        client_name: 'conformance',
        redirect_uris: [`http://127.0.0.1:${port}/callback`],
        token_endpoint_auth_method: 'none',
      }),
    })
    const { client_id } = z.object({ client_id: z.string() }).parse(await registered.json())
    const flags = { url: stack.urls.base_url, 'client-id': client_id, resource: stack.urls.mcp_url, port }
    const suite = spawn(
      join(import.meta.dirname, '../../node_modules/.bin/conformance'),
      ['authorization', ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])],
      { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let output = ''
    const walks: Promise<unknown>[] = []
    const read = (chunk: unknown): void => {
      output += String(chunk)
      const url = /^http:\S+\/authorize\?\S+$/m.exec(output)?.[0]
      if (url !== undefined && walks.length === 0 && output.includes('Callback server started'))
        walks.push(decide(url, stack.urls.owner_token).then((back) => fetch(back)))
    }
    suite.stdout.on('data', read)
    suite.stderr.on('data', read)
    const [code] = await once(suite, 'close')
    await Promise.all(walks)
    await rm(home, { recursive: true, force: true })
    expect(output).toContain('Total: 3 passed, 0 failed')
    expect(code).toBe(0)
  })
})
