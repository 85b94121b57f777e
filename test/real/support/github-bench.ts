// The GitHub stand-in with a receiver for its webhooks, a fresh repository for each test, and commits made without a clone.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { z } from 'zod'
import { startGitHost } from '../../world/git/server.ts'
import type { GitHost } from '../../world/git/server.ts'
import { startGithub } from '../../world/github/server.ts'
import type { GithubStandIn } from '../../world/github/server.ts'
import { listen, shut } from '../../world/listen.ts'

export const SECRET = 'webhook-secret-for-tests'
export const TOKEN = 'ghp_the-runtimes-token'
export const BRANCH = 'agent/11112222-3333-8444-8555-666677778888'

type Received = { event: string; guid: string; body: string; signature: string }

/** Starts everything before the calling file's tests and removes it after them. */
export function useGithub() {
  const dir = mkdtempSync(join(tmpdir(), 'github-'))
  const started: { gitHost?: GitHost; github?: GithubStandIn; repo: string; count: number } = {
    repo: '',
    count: 0,
  }
  let received: Received[] = []
  let answerStatus = 202
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const header = (name: string) => String(request.headers[name])
      received.push({
        event: header('x-github-event'),
        guid: header('x-github-delivery'),
        signature: header('x-hub-signature-256'),
        body: Buffer.concat(chunks).toString(),
      })
      response.writeHead(answerStatus).end()
    })
  })
  const be = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('not started')
    return part
  }
  const bench = {
    get gitHost() {
      return be(started.gitHost)
    },
    get github() {
      return be(started.github)
    },
    get repo() {
      return started.repo
    },
    received: () => received,
    answerWith(status: number): void {
      answerStatus = status
    },
    /** Starts a second GitHub with the same pull requests, as after a restart. */
    start: (webhookUrl: string): Promise<GithubStandIn> =>
      startGithub({
        port: 0,
        gitHost: bench.gitHost,
        tokens: [TOKEN],
        stateFile: join(dir, 'pulls.json'),
        webhook: { url: () => webhookUrl, secret: SECRET },
      }),
    git: (...args: string[]): Promise<string> => bench.gitHost.repos.git(bench.repo, ...args),
    mktree(lines: string[]): string {
      const input = lines.map((line) => `${line}\0`).join('')
      const cwd = bench.gitHost.repos.dirOf(bench.repo)
      return execFileSync('git', ['mktree', '-z'], { cwd, input, encoding: 'utf8' }).trim()
    },
    /** Makes commits on `branch` in the bare repository itself, one file each (name to content). */
    async commits(branch: string, files: Record<string, string>, from = 'main'): Promise<string> {
      let head = await bench.git('rev-parse', from)
      for (const [name, content] of Object.entries(files)) {
        const file = join(dir, 'content')
        writeFileSync(file, content)
        const blob = await bench.git('hash-object', '-w', file)
        const lines = (await bench.git('ls-tree', '-z', head)).split('\0')
        const kept = lines.filter((line) => line !== '' && !line.endsWith(`\t${name}`))
        const tree = bench.mktree([...kept, `100644 blob ${blob}\t${name}`])
        head = await bench.git('commit-tree', tree, '-p', head, '-m', `Change ${name}`)
      }
      await bench.git('update-ref', `refs/heads/${branch}`, head)
      return head
    },
    async api(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
      const response = await fetch(`${bench.github.url}/repos/stand-in/${bench.repo}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${TOKEN}` },
      })
      const text = await response.text()
      return { status: response.status, body: text === '' ? null : JSON.parse(text) }
    },
    post: (path: string, body: unknown) => bench.api(path, { method: 'POST', body: JSON.stringify(body) }),
    payloads: (event: string) =>
      received
        .filter((one) => one.event === event)
        .map((one) => z.looseObject({}).parse(JSON.parse(one.body))),
  }
  beforeAll(async () => {
    started.gitHost = await startGitHost({
      port: 0,
      root: join(dir, 'git'),
      user: 'x-access-token',
      token: TOKEN,
      testerToken: 'tester',
    })
    started.github = await bench.start(`${await listen(receiver, 0)}/webhooks/github`)
  })
  beforeEach(async () => {
    started.repo = `repo-${++started.count}`
    await bench.gitHost.createRepo(started.repo)
    received = []
  })
  afterEach(() => {
    answerStatus = 202
    started.github?.webhooks.setActive(true)
  })
  afterAll(async () => {
    await started.github?.close()
    await shut(receiver)
    await started.gitHost?.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return bench
}
