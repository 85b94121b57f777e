// Reading a remote's refs from real `git http-backend`, and from hosts that answer otherwise.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readRemoteRefs } from '../../../src/git/refs.ts'
import { makeRepository, startGitHost } from '../support/git-http-host.ts'
import type { GitHost } from '../support/git-http-host.ts'

const root = mkdtempSync(join(tmpdir(), 'gateway-refs-'))
const credential = { user: 'u', token: 'tökén' }
let host: GitHost
let main = ''
const git = (...args: string[]) =>
  execFileSync('git', ['-C', join(root, 'repo.git'), ...args], { encoding: 'utf8' }).trim()

beforeAll(async () => {
  host = await startGitHost({ root, ...credential })
  makeRepository(root, 'repo.git', 2)
  main = git('rev-parse', 'main')
  for (const ref of ['refs/heads/agent/p1', 'refs/agent/p1', 'refs/heads/a$(id)', 'refs/heads/ü'])
    git('update-ref', ref, 'main~1')
  execFileSync('git', ['init', '-q', '--bare', '-b', 'trunk', join(root, 'empty.git')])
})
afterAll(async () => {
  await host.close()
  rmSync(root, { recursive: true, force: true })
})
beforeEach(() => {
  host.intercept = null
})

const read = (prefixes: string[], more: { repo?: string; token?: string; timeoutMs?: number } = {}) =>
  readRemoteRefs({
    remote: `${host.url}/${more.repo ?? 'repo.git'}`,
    credential: { ...credential, ...(more.token === undefined ? {} : { token: more.token }) },
    prefixes,
    timeoutMs: more.timeoutMs ?? 10_000,
  })

describe.each([['v2'], ['v0']])('over protocol %s', (version) => {
  beforeEach(() => {
    if (version === 'v0')
      host.intercept = (request) => {
        delete request.headers['git-protocol'] // an older host does not know it
        return false
      }
  })

  it('finds HEAD and its branch', async () => {
    expect(await read(['HEAD'])).toEqual({ kind: 'ok', head: 'main', refs: { HEAD: main } })
  })

  it('answers the refs asked for, and none with unsafe names', async () => {
    const older = git('rev-parse', 'main~1')
    expect(await read(['refs/heads/', 'refs/agent/p1'])).toMatchObject({
      kind: 'ok',
      refs: { 'refs/heads/main': main, 'refs/heads/agent/p1': older, 'refs/agent/p1': older },
    })
    const all = await read(['refs/'])
    expect(
      all.kind === 'ok' ? Object.keys(all.refs).filter((ref) => /[^A-Za-z0-9._/-]/.test(ref)) : null,
    ).toEqual([])
  })
})

describe('readRemoteRefs', () => {
  it('knows the branch of an empty repository', async () => {
    expect(await read(['HEAD'], { repo: 'empty.git' })).toEqual({ kind: 'ok', head: 'trunk', refs: {} })
  })

  it.each([
    ['a wrong token', {}, 401, { token: 'wrong' }],
    ['a repository that is not there', {}, 404, { repo: 'none.git' }],
  ])('tells %s as refused', async (_name, _none, status, more) => {
    expect(await read(['HEAD'], more)).toEqual({ kind: 'refused', status })
  })

  it.each([
    [302, 'refused'],
    [403, 'refused'],
    [429, 'unreachable'],
    [503, 'unreachable'],
  ])('takes %i for %s', async (status, kind) => {
    host.intercept = (_request, response) => {
      response.writeHead(status, { location: `${host.url}/repo.git` }).end()
      return true
    }
    expect((await read(['HEAD'])).kind).toBe(kind)
  })

  it('takes a web page for refused, and silence or a closed port for unreachable', async () => {
    host.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>welcome')
      return true
    }
    expect((await read(['HEAD'])).kind).toBe('refused')
    host.intercept = () => true
    expect((await read(['HEAD'], { timeoutMs: 200 })).kind).toBe('unreachable')
    const closed = { remote: 'http://127.0.0.1:1/x', credential: null, prefixes: ['HEAD'], timeoutMs: 1_000 }
    expect((await readRemoteRefs(closed)).kind).toBe('unreachable')
  })
})
