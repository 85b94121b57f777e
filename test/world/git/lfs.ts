// LFS of the stand-in git host: the batch API for `download`, with the forms of answer that real hosts give. Objects lie beside the
// repository. A store on another port stands for the object storage of another company.
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { z } from 'zod'
import { listen, shut } from '../listen.ts'

/**
 * host: an address at the host, which wants the host's own credential. minted: the same, with a token of the host's in a header, as
 * GitLab and Gitea give it. relative: the same without an origin. redirect: the host sends the client on to the store. signed: an
 * address at the store that is its own permission, as GitHub gives it.
 */
export const LFS_FORMS = ['host', 'minted', 'relative', 'redirect', 'signed'] as const
export type LfsForm = (typeof LFS_FORMS)[number]

export interface LfsPointer {
  oid: string
  size: number
  /** What git keeps in the object's place. */
  text: string
}

export interface Lfs {
  form: LfsForm
  /** The address of the store. */
  storeUrl: string
  /** The headers of each request to the store. */
  storeSaw: IncomingMessage['headers'][]
  put(repo: string, content: string | Buffer): LfsPointer
  /** Answers a request below `{repo}.git/info/lfs/`. `mayUseHost`: the host's own credential came with it. */
  answer(call: LfsCall): Promise<void>
  close(): Promise<void>
}

interface LfsCall {
  repo: string
  rest: string
  mayUseHost: boolean
  hostUrl: string
  request: IncomingMessage
  response: ServerResponse
}

const Batch = z.object({
  operation: z.string(),
  objects: z.array(z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number() })),
})
const JSON_TYPE = 'application/vnd.git-lfs+json'

export async function startLfs(dirOf: (repo: string) => string, port: number): Promise<Lfs> {
  const key = randomUUID()
  const minted = `RemoteAuth ${randomUUID()}`
  const signatureOf = (path: string) => createHmac('sha256', key).update(path).digest('hex')
  const fileOf = (repo: string, oid: string) => join(dirOf(repo), 'lfs', oid)
  const store = createServer((request, response) => {
    lfs.storeSaw.push(request.headers)
    const url = new URL(request.url ?? '/', 'http://store')
    const [, repo = '', oid = ''] = /^\/([^/]+)\/([0-9a-f]{64})$/.exec(url.pathname) ?? []
    // Like S3, it takes a signature or a header, never both.
    const isSigned = url.searchParams.get('signature') === signatureOf(url.pathname)
    if (!isSigned || request.headers.authorization !== undefined)
      response.writeHead(400).end('one permission\n')
    else response.end(readFileSync(fileOf(repo, oid)))
  })
  const storeUrl = await listen(store, port)

  const signed = (repo: string, oid: string) =>
    `${storeUrl}/${repo}/${oid}?signature=${signatureOf(`/${repo}/${oid}`)}`

  function actionFor(repo: string, oid: string, hostUrl: string) {
    const path = `/stand-in/${repo}.git/info/lfs/objects/${oid}`
    if (lfs.form === 'signed') return { href: signed(repo, oid), expires_in: 600 }
    if (lfs.form === 'relative') return { href: path }
    const href = `${hostUrl}${path}`
    return lfs.form === 'minted' ? { href, header: { Authorization: minted } } : { href }
  }

  const lfs: Lfs = {
    form: 'host',
    storeUrl,
    storeSaw: [],
    put(repo, content) {
      const bytes = Buffer.from(content)
      const oid = createHash('sha256').update(bytes).digest('hex')
      mkdirSync(join(dirOf(repo), 'lfs'), { recursive: true })
      writeFileSync(fileOf(repo, oid), bytes)
      const lines = [
        'version https://git-lfs.github.com/spec/v1',
        `oid sha256:${oid}`,
        `size ${bytes.byteLength}`,
      ]
      return { oid, size: bytes.byteLength, text: `${lines.join('\n')}\n` }
    },
    async answer({ repo, rest, mayUseHost, hostUrl, request, response }) {
      const say = (status: number, value: object) =>
        void response.writeHead(status, { 'content-type': JSON_TYPE }).end(JSON.stringify(value))
      const oid = /^objects\/([0-9a-f]{64})$/.exec(rest)?.[1]
      if (oid !== undefined && request.method === 'GET') {
        const isAllowed = lfs.form === 'minted' ? request.headers.authorization === minted : mayUseHost
        if (!isAllowed) return say(401, { message: 'Credentials needed' })
        if (!existsSync(fileOf(repo, oid))) return say(404, { message: 'Object does not exist' })
        if (lfs.form === 'redirect')
          return void response.writeHead(302, { location: signed(repo, oid) }).end()
        return void response.end(readFileSync(fileOf(repo, oid)))
      }
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(Buffer.from(z.instanceof(Uint8Array).parse(chunk)))
      if (!mayUseHost) return say(401, { message: 'Credentials needed' })
      if (rest !== 'objects/batch' || request.method !== 'POST') return say(404, { message: 'Not Found' })
      const { operation, objects } = Batch.parse(JSON.parse(Buffer.concat(chunks).toString()))
      if (operation !== 'download') return say(403, { message: 'This stand-in takes no uploads.' })
      const found = objects.map(({ oid: id, size }) =>
        existsSync(fileOf(repo, id))
          ? { oid: id, size, actions: { download: actionFor(repo, id, hostUrl) } }
          : { oid: id, size, error: { code: 404, message: 'Object does not exist' } },
      )
      return say(200, { transfer: 'basic', objects: found })
    },
    close: () => shut(store),
  }
  return lfs
}
