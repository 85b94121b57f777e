// The git host of the local world, driven by the real git client.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGitHost, ZERO } from '../../world/git/server.ts'
import type { GitHost, RefChange } from '../../world/git/server.ts'

type CreatedRepo = Awaited<ReturnType<GitHost['createRepo']>>

const TOKEN = 'runtime-token-0123456789'
const dir = mkdtempSync(join(tmpdir(), 'git-host-'))
const changes: RefChange[] = []
let host: GitHost

beforeAll(async () => {
  host = await startGitHost({
    port: 0,
    root: join(dir, 'repos'),
    user: 'x-access-token',
    token: TOKEN,
    testerToken: 'tester-token-98765',
  })
  host.onChange(async (change) => void changes.push(change))
})
afterAll(async () => {
  await host.close()
  rmSync(dir, { recursive: true, force: true })
})

type Ran = { code: number; out: string }
function git(args: string[], cwd = dir): Promise<Ran> {
  const env = {
    PATH: process.env['PATH'],
    HOME: dir,
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'T',
    GIT_AUTHOR_EMAIL: 't@example.invalid',
    GIT_COMMITTER_NAME: 'T',
    GIT_COMMITTER_EMAIL: 't@example.invalid',
  }
  return new Promise((done) => {
    execFile('git', args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
    )
  })
}
const asRuntime = (repo: CreatedRepo): string => repo.remote.replace('://', `://x-access-token:${TOKEN}@`)

async function clone(url: string, name: string, ...args: string[]): Promise<string> {
  const ran = await git(['clone', '--quiet', ...args, url, name])
  expect(ran).toMatchObject({ code: 0 })
  return join(dir, name)
}

async function commit(work: string, path: string, content: string | Buffer): Promise<string> {
  writeFileSync(join(work, path), content)
  await git(['add', '--all'], work)
  await git(['commit', '--quiet', '-m', `Change ${path}`], work)
  return (await git(['rev-parse', 'HEAD'], work)).out.trim()
}

describe('who may come in', () => {
  it('asks for credentials without them and with wrong ones', async () => {
    const { remote } = await host.createRepo('private')
    for (const headers of [{}, { authorization: `Basic ${btoa('x-access-token:wrong')}` }]) {
      const response = await fetch(`${remote}/info/refs?service=git-upload-pack`, { headers })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    }
    expect((await git(['ls-remote', remote])).code).not.toBe(0)
  })

  it('lets the runtime and the tester in, each with credentials of their own', async () => {
    const repo = await host.createRepo('two-users')
    expect((await git(['ls-remote', asRuntime(repo)])).out).toContain('refs/heads/main')
    expect((await git(['ls-remote', repo.push_url])).out).toContain('refs/heads/main')
    expect(repo.push_url).not.toContain(TOKEN)
    expect(repo.remote).not.toContain('@')
  })

  it('does not serve files of the repository or folders beside it', async () => {
    const { push_url } = await host.createRepo('no-files')
    const url = new URL(push_url)
    const headers = { authorization: `Basic ${btoa(`${url.username}:${url.password}`)}` }
    for (const path of ['config', 'HEAD', 'objects/info/packs', '../no-files.git/config', '..%2fx/info/refs'])
      expect((await fetch(`${host.url}/stand-in/no-files.git/${path}`, { headers })).status).toBe(404)
  })

  it('refuses a repository name that would leave its folder, and answers a known one again', async () => {
    for (const name of ['../evil', '.hidden', '', 'a/b', 'x.git'])
      await expect(host.createRepo(name)).rejects.toThrow('no repository name')
    const first = await host.createRepo('known')
    const refs = await host.repos.refs('known')
    expect(await host.createRepo('known')).toEqual(first)
    expect(await host.repos.refs('known')).toEqual(refs)
  })
})

describe('git over HTTP', () => {
  it.each(['0', '2'])('clones with protocol version %s', async (version) => {
    const repo = await host.createRepo(`protocol-${version}`)
    const ran = await git([
      '-c',
      `protocol.version=${version}`,
      'clone',
      '-q',
      repo.push_url,
      `clone-v${version}`,
    ])
    expect(ran).toMatchObject({ code: 0 })
    expect(existsSync(join(dir, `clone-v${version}`, 'README.md'))).toBe(true)
  })

  it('serves a remote written without .git at its end', async () => {
    const repo = await host.createRepo('spelling')
    expect((await git(['ls-remote', repo.push_url.replace(/\.git$/, '')])).out).toContain('refs/heads/main')
  })

  it('answers protocol version 2 when asked by header', async () => {
    const repo = new URL((await host.createRepo('header-v2')).push_url)
    const authorization = `Basic ${btoa(`${repo.username}:${repo.password}`)}`
    const url = `${repo.origin}${repo.pathname}/info/refs?service=git-upload-pack`
    const v2 = await fetch(url, { headers: { authorization, 'git-protocol': 'version=2' } })
    expect(await v2.text()).toContain('version 2')
    expect(await (await fetch(url, { headers: { authorization } })).text()).not.toContain('version 2')
  })

  it('serves shallow and partial clones and a commit asked for by its id', async () => {
    const repo = await host.createRepo('depths')
    const work = await clone(repo.push_url, 'depths')
    const second = await commit(work, 'second.txt', '2\n')
    await commit(work, 'third.txt', '3\n')
    await git(['push', '-q', 'origin', 'main'], work)
    const shallow = await clone(repo.push_url, 'shallow', '--depth=1')
    expect((await git(['rev-list', '--count', 'HEAD'], shallow)).out.trim()).toBe('1')
    expect(await git(['fetch', '-q', '--depth=1', 'origin', second], shallow)).toMatchObject({ code: 0 })
    const partial = await clone(repo.push_url, 'partial', '--filter=blob:none', '--no-checkout')
    expect((await git(['rev-list', '--objects', '--missing=print', 'HEAD'], partial)).out).toMatch(/^\?/m)
  })

  it('takes a pack larger than any buffer, sent in chunks, and tells the push', async () => {
    const repo = await host.createRepo('large')
    const work = await clone(asRuntime(repo), 'large')
    const noise = Buffer.from(
      Array.from({ length: 3_000_000 }, (_, index) => (index * 7919 * (index % 251)) & 255),
    )
    const before = (await host.repos.refs('large'))['refs/heads/main']
    const head = await commit(work, 'noise.bin', noise)
    expect(
      await git(
        ['-c', 'http.postBuffer=65536', 'push', '-q', 'origin', 'HEAD:refs/heads/main', 'HEAD:refs/agent/x'],
        work,
      ),
    ).toMatchObject({ code: 0 })
    expect(await host.repos.refs('large')).toMatchObject({ 'refs/heads/main': head, 'refs/agent/x': head })
    await expect
      .poll(() => changes.slice(-2))
      .toEqual([
        { repo: 'large', ref: 'refs/heads/main', before, after: head },
        { repo: 'large', ref: 'refs/agent/x', before: ZERO, after: head },
      ])
  })

  it('tells a deletion, and nothing for a refused push', async () => {
    const repo = await host.createRepo('deletion')
    const work = await clone(repo.push_url, 'deletion')
    const head = (await git(['rev-parse', 'HEAD'], work)).out.trim()
    await git(['push', '-q', 'origin', 'HEAD:refs/heads/gone'], work)
    await git(['push', '-q', 'origin', ':refs/heads/gone'], work)
    await expect
      .poll(() => changes.at(-1))
      .toMatchObject({ ref: 'refs/heads/gone', before: head, after: ZERO })
    const count = changes.length
    expect((await git(['push', 'origin', ':refs/heads/main'], work)).out).toContain('remote rejected')
    expect(changes).toHaveLength(count)
    expect(readdirSync(join(dir, 'repos')).filter((name) => name.startsWith('push-'))).toEqual([])
  })

  it('goes on serving, the refs as they were, when a client leaves in the middle of a push', async () => {
    const repo = new URL((await host.createRepo('aborted')).push_url)
    const before = await host.repos.refs('aborted')
    const authorization = `Basic ${btoa(`${repo.username}:${repo.password}`)}`
    const socket = connect(Number(repo.port), '127.0.0.1')
    socket.write(
      `POST ${repo.pathname}/git-receive-pack HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n` +
        'content-type: application/x-git-receive-pack-request\r\ncontent-length: 100000\r\n\r\n0098',
    )
    await new Promise((done) => setImmediate(done))
    socket.destroy()
    expect(await host.repos.refs('aborted')).toEqual(before)
    expect((await git(['ls-remote', repo.href])).code).toBe(0)
  })
})
