// Real git-lfs through the real gateway: each form in which a git host answers, and what a plan cannot have.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import { describeWith, needs } from '../../support/needs.ts'
import { startGitHost } from '../../world/git/server.ts'
import type { GitHost } from '../../world/git/server.ts'
import { LFS_FORMS } from '../../world/git/lfs.ts'
import type { LfsPointer } from '../../world/git/lfs.ts'
import { CANARY, createGatewayLab, run } from '../support/gateway-lab.ts'
import type { GatewayLab } from '../support/gateway-lab.ts'

const CONTENT = 'the picture, byte for byte\n'.repeat(4_000)
/** Arguments of a clone whose files of git-lfs stay pointers. */
const POINTERS_ONLY = ['process=', 'smudge=', 'required=false'].flatMap((part) => [
  '-c',
  `filter.lfs.${part}`,
])
const FILTERS = [
  'filter.lfs.clean=git-lfs clean -- %f',
  'filter.lfs.smudge=git-lfs smudge -- %f',
  'filter.lfs.process=git-lfs filter-process',
  'filter.lfs.required=true',
  'lfs.transfer.maxretries=1',
].flatMap((one) => ['-c', one])

let root: string
let host: GitHost
let lab: GatewayLab
let pointer: LfsPointer

describeWith(needs.gitLfs(), 'git-lfs through the gateway', () => {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'gateway-lfs-'))
    host = await startGitHost({ port: 0, root, user: 'x-access-token', token: CANARY, testerToken: 'tester' })
    lab = await createGatewayLab([host.url.replace('://', `://x-access-token:${CANARY}@`)])
    await host.createRepo('art')
    await host.createRepo('other')
    pointer = host.lfs.put('art', CONTENT)
    const { push_url } = await host.createRepo('art')
    const seed = join(root, 'seed')
    await run('git', ['clone', '-q', push_url, seed])
    writeFileSync(join(seed, '.gitattributes'), '*.psd filter=lfs diff=lfs merge=lfs -text\n')
    writeFileSync(join(seed, 'art.psd'), pointer.text)
    const plain = ['-c', 'filter.lfs.process=', '-c', 'filter.lfs.clean=', '-c', 'filter.lfs.required=false']
    const person = ['-c', 'user.name=p', '-c', 'user.email=p@example.com']
    await run('git', [...plain, 'add', '-A'], { cwd: seed })
    await run('git', [...plain, ...person, 'commit', '-qm', 'with a picture'], { cwd: seed })
    await run('git', [...plain, 'push', '-q', 'origin', 'HEAD:main'], { cwd: seed })
  })
  afterAll(async () => {
    await lab.close()
    await host.close()
    rmSync(root, { recursive: true, force: true })
  })
  beforeEach(async () => {
    host.lfs.form = 'host'
    host.lfs.storeSaw.length = 0
    await lab.set({ gitRemote: `${host.url}/stand-in/art.git`, settled: [], intents: [] })
  })

  const clone = async (token = lab.planToken) => {
    const dir = mkdtempSync(join(lab.root, 'lfs-'))
    return { dir, ...(await lab.git(lab.root, [...FILTERS, 'clone', '-q', lab.remote(), dir], token)) }
  }

  it.each(LFS_FORMS)('smudges a file at clone when the host answers in the form "%s"', async (form) => {
    host.lfs.form = form
    const { dir, code, output } = await clone()
    expect({ code, output }).toEqual({ code: 0, output: '' })
    expect(readFileSync(join(dir, 'art.psd'), 'utf8')).toBe(CONTENT)
    const saw = form === 'redirect' || form === 'signed' ? 1 : 0
    expect(host.lfs.storeSaw.length).toBe(saw)
    expect(JSON.stringify(host.lfs.storeSaw)).not.toMatch(/authorization/i)
    expect((await lab.state()).settled.every(({ kind }) => kind === 'read')).toBe(true)
  })

  it('pulls into a checkout that holds pointers, with the key of the machine too', async () => {
    for (const token of [lab.planToken, lab.vmKey]) {
      const dir = await lab.clone(...POINTERS_ONLY)
      expect(readFileSync(join(dir, 'art.psd'), 'utf8')).toBe(pointer.text)
      const pulled = await lab.git(dir, [...FILTERS, 'lfs', 'pull'], token)
      expect({ ...pulled, output: '' }).toEqual({ code: 0, output: '' })
      expect(readFileSync(join(dir, 'art.psd'), 'utf8')).toBe(CONTENT)
    }
  })

  it('serves a large object whole', async () => {
    const large = Buffer.alloc(30_000_000, 'x')
    const { oid, size } = host.lfs.put('art', large)
    const headers = { authorization: `Bearer ${lab.planToken}` }
    const answer = await fetch(`${lab.remote()}/info/lfs/objects/${oid}?size=${size}`, { headers })
    expect(answer.headers.get('content-length')).toBe(String(size))
    expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true)
  })

  it('does not give out an object of another repository', async () => {
    const foreign = host.lfs.put('other', 'a secret of the other repository')
    const headers = { authorization: `Bearer ${lab.planToken}` }
    const answer = await fetch(`${lab.remote()}/info/lfs/objects/${foreign.oid}?size=${foreign.size}`, {
      headers,
    })
    expect(answer.status).toBe(404)
    expect(await answer.text()).toContain('no such object in this repository')
  })

  it('lets git-lfs refuse an object whose bytes are not those of its hash', async () => {
    const damaged = join(host.repos.dirOf('art'), 'lfs', pointer.oid)
    writeFileSync(damaged, CONTENT.replace('picture', 'PICTURE'))
    try {
      const { code, output } = await clone()
      expect(code).not.toBe(0)
      expect(output).toMatch(/expected OID|hash|smudge/i)
    } finally {
      writeFileSync(damaged, CONTENT)
    }
  })

  it('refuses an upload in words that git-lfs prints', async () => {
    const { dir } = await clone()
    writeFileSync(join(dir, 'art.psd'), 'changed')
    await lab.commit(dir, 'true')
    const pushed = await lab.git(dir, [...FILTERS, 'lfs', 'push', '--all', 'origin'])
    expect(pushed.code).not.toBe(0)
    expect(pushed.output).toContain('LFS is served for reading only')
  })

  it('tells a plan whose token has expired so, in words that git-lfs prints', async () => {
    const expired = await signVmToken('gateway-test-token-key-0123456789abcdef', {
      kind: 'plan',
      workspace: 'demo',
      plan: 'p1',
      attempt: 1,
      expiresAtMs: Date.now() - 1,
    })
    const dir = await lab.clone(...POINTERS_ONLY)
    const pulled = await lab.git(dir, [...FILTERS, 'lfs', 'pull'], expired)
    expect(pulled.code).not.toBe(0)
    expect(pulled.output).toContain('token_expired')
  })
})
