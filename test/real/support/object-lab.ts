// A real gateway, real objects and a real git host: workspaces with a running plan but no VM, and the requests of a hostile VM.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import { makeRepository, startGitHost } from './git-http-host.ts'
import type { GitHost } from './git-http-host.ts'
import { startPlainWorker } from './plain-workerd.ts'

const KEY = 'gateway-test-token-key-0123456789abcdef'
const TOKEN = 'ghp_CANARYcanary0123456789'
export const ZERO = '0'.repeat(40)

export type ObjectLab = Awaited<ReturnType<typeof createObjectLab>>
/** A workspace with one running plan, the tokens that its VM would hold, and access to its rows. */
export interface Seeded {
  name: string
  bare: string
  plan: string
  branch: string
  ref: string
  token: string
  vmKey: string
  planToken(attempt: number): Promise<string>
  git(...args: string[]): string
  post(path: string, body?: object): Promise<unknown>
  get(path: string): Promise<unknown>
}

export async function createObjectLab() {
  const root = mkdtempSync(join(tmpdir(), 'gateway-object-'))
  const host: GitHost = await startGitHost({ root, user: 'x-access-token', token: TOKEN })
  const vars = {
    PUBLIC_URL: 'http://127.0.0.1:1',
    LOCAL: 'true',
    TOKEN_KEY: KEY,
    OWNER_TOKEN: 'owner-0123456789-0123456789-0123456789',
    ORGO_API_KEY: 'sk_live_0123456789',
    ORGO_API_URL: 'http://127.0.0.1:1',
    GITHUB_API_URL: 'http://127.0.0.1:1',
    GITHUB_WEBHOOK_SECRET: 'whsec-0123456789',
    ANTHROPIC_API_KEY: 'sk-ant-CANARY-0123456789',
    ANTHROPIC_BASE_URL: host.url,
    GIT_CREDENTIALS: host.url.replace('://', `://x-access-token:${TOKEN}@`),
  }
  const worker = await startPlainWorker(vars, 'gateway-object-worker')
  let count = 0
  const post = async (path: string, body?: string): Promise<unknown> => {
    const response = await fetch(`${worker.url}/control/${path}`, { method: 'POST', body: body ?? null })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
  const get = async (path: string): Promise<unknown> =>
    JSON.parse(await (await fetch(`${worker.url}/control/${path}`)).text())

  return {
    root,
    host,
    base: worker.url,
    workerPid: worker.pid,
    /** The Authorization header that the git host accepts. */
    hostAuthorization: `Basic ${btoa(`x-access-token:${TOKEN}`)}`,
    /** Makes a fresh repository, workspace and running plan. Returns them with the tokens that the VM would hold. */
    async seed(format = 'sha1'): Promise<Seeded> {
      count += 1
      const name = `demo-${count}`
      const bare = join(root, `repo-${count}.git`)
      makeRepository(root, `repo-${count}.git`, 2, format)
      host.intercept = null
      host.seen.length = 0
      const { plan, branch } = z
        .object({ plan: z.string(), branch: z.string() })
        .parse(await post(`${name}/seed`, `${host.url}/repo-${count}.git`))
      const expiresAtMs = Date.now() + 3_600_000
      const planToken = (attempt: number) =>
        signVmToken(KEY, { kind: 'plan', workspace: name, plan, attempt, expiresAtMs })
      return {
        name,
        bare,
        plan,
        branch,
        ref: `refs/heads/${branch}`,
        token: await planToken(1),
        planToken,
        vmKey: await signVmToken(KEY, { kind: 'vm', workspace: name, generation: 1 }),
        git: (...args: string[]) =>
          execFileSync('git', ['-C', bare, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 }).trim(),
        post: (path: string, body?: object) =>
          post(`${name}/${path}`, body === undefined ? undefined : JSON.stringify(body)),
        get: (path: string) => get(`${name}/${path}`),
      }
    },
    /** Opens a request whose bytes the test writes and reads itself. */
    open(seeded: Seeded, method: string, path: string, headers: Record<string, string> = {}): ClientRequest {
      const client = httpRequest(`${worker.url}/vm/${path}`, {
        method,
        agent: false,
        headers: { authorization: `Bearer ${seeded.token}`, ...headers },
      })
      client.on('error', () => {}) // the tests wait for a cut connection
      return client
    },
    async close(): Promise<void> {
      await worker.close()
      await host.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export interface HostWatch {
  intercept: (this: void, request: IncomingMessage, response: ServerResponse) => boolean
  /** Number of body bytes that arrived; -1 before the request came. */
  received(): number
  /** Resolves when the connection has ended. whole means that request and answer were complete. */
  closed: Promise<{ whole: boolean }>
}

/** Watches the first request for which fits() is true. */
export function watchHost(fits: (request: IncomingMessage) => boolean): HostWatch {
  const closed = Promise.withResolvers<{ whole: boolean }>()
  let bytes = -1
  return {
    received: () => bytes,
    closed: closed.promise,
    intercept(request, response) {
      if (bytes >= 0 || !fits(request)) return false
      bytes = 0
      request.on('data', (chunk: Buffer) => (bytes += chunk.byteLength))
      response.on('close', () => closed.resolve({ whole: request.complete && response.writableFinished }))
      return false
    },
  }
}

/** Makes a commit on top of main that no repository has yet, and the pack that a push of it would send. */
export function makeCommit(seeded: Seeded, bytes = 1_000): { commit: string; pack: Buffer } {
  const work = mkdtempSync(join(tmpdir(), 'gateway-commit-'))
  try {
    const commit = commitIn(work, seeded.bare, bytes)
    const input = `${commit}\n^origin/main\n`
    const pack = execFileSync('git', ['-C', work, 'pack-objects', '--revs', '--stdout', '-q'], {
      input,
      maxBuffer: 1 << 28,
    })
    return { commit, pack }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Makes such a commit and stores it in the repository under a ref. */
export function storeCommit(seeded: Seeded, bytes: number, ref: string): string {
  const work = mkdtempSync(join(tmpdir(), 'gateway-commit-'))
  try {
    const commit = commitIn(work, seeded.bare, bytes)
    execFileSync('git', ['-C', work, 'push', '-q', 'origin', `HEAD:${ref}`], { stdio: 'ignore' })
    return commit
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function commitIn(work: string, bare: string, bytes: number): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'core.looseCompression=0', ...args], { cwd: work, encoding: 'utf8' }).trim()
  git('clone', '-q', bare, '.')
  writeFileSync(join(work, 'random'), randomBytes(bytes))
  git('add', '.')
  git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'work')
  return git('rev-parse', 'HEAD')
}

/** Returns the commands of a push of one ref, as git writes them. */
export function pushHead(commit: string, ref: string, oldId = ZERO): Buffer {
  const line = `${oldId} ${commit} ${ref}\0 report-status-v2 side-band-64k agent=git/2.50`
  return Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}0000`)
}
