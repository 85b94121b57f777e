// A program that wants in: registers, listens on a loopback port for its code, and turns it into a token.
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { z } from 'zod'
import { OWN_CONNECTION } from '../../e2e/support/calls.ts'
import { listen, shut } from '../../world/listen.ts'

export interface Client extends AsyncDisposable {
  authorizeUrl: string
  /** What came to the redirect address, oldest first. */
  answers: URLSearchParams[]
  token: (code: string) => Promise<string>
}

/** As some clients do, the redirect address sends the browser on to yet another host, which form-action would not allow. */
export async function startClient(baseUrl: string, name: string): Promise<Client> {
  const answers: URLSearchParams[] = []
  const pages = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<h1>You can close this window.</h1>')
  })
  // By another name than ours, so that it is another site for the browser.
  const pagesUrl = elsewhere(await listen(pages, 0))
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const isAnswer = url.pathname === '/callback'
    if (isAnswer) answers.push(url.searchParams)
    response.writeHead(isAnswer ? 302 : 404, { location: `${pagesUrl}/done` }).end()
  })
  const redirectUri = `${await listen(server, 0)}/callback`
  const registered = await fetch(`${baseUrl}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...OWN_CONNECTION },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  })
  const { client_id } = z.object({ client_id: z.string() }).parse(await registered.json())
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: redirectUri,
    state: 'opaque',
    scope: 'read write',
    resource: `${baseUrl}/mcp`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return {
    authorizeUrl: `${baseUrl}/authorize?${query.toString()}`,
    answers,
    async token(code) {
      const response = await fetch(`${baseUrl}/oauth/token`, {
        method: 'POST',
        headers: OWN_CONNECTION,
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code,
          client_id,
          redirect_uri: redirectUri,
          code_verifier: verifier,
        }),
      })
      return z.object({ access_token: z.string() }).parse(await response.json()).access_token
    },
    async [Symbol.asyncDispose]() {
      await shut(server)
      await shut(pages)
    },
  }
}

/** A site of a stranger's that serves one page. */
export async function startSite(html: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html)
  })
  return { url: elsewhere(await listen(server, 0)), [Symbol.asyncDispose]: () => shut(server) }
}

const elsewhere = (url: string): string => url.replace('127.0.0.1', 'localhost')
