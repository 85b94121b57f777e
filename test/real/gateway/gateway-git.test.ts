// Real git against the real gateway in workerd against real `git http-backend`. Only the object's grants are scripted.
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createGatewayLab, run } from '../support/gateway-lab.ts'
import type { GatewayLab } from '../support/gateway-lab.ts'

let lab: GatewayLab
beforeAll(async () => void (lab = await createGatewayLab()))
afterAll(() => lab.close())
beforeEach(() => lab.reset())

describe('git through the gateway', () => {
  it.each([
    ['protocol v2', []],
    ['protocol v0', ['-c', 'protocol.version=0']],
    ['a shallow clone', ['--depth=1']],
    ['a shallow clone over v0', ['--depth=2', '-c', 'protocol.version=0']],
    ['a partial clone', ['--filter=blob:none']],
  ])('clones and fetches with %s', async (_name, options) => {
    const dir = await lab.clone(...options)
    expect((await lab.git(dir, ['fetch', '--tags', 'origin'])).code).toBe(0)
    expect((await lab.git(dir, ['log', '--oneline', '-1'])).output).toContain('commit 5')
    expect((await lab.git(dir, ['cat-file', '-p', 'HEAD:file-3'])).output).toBe('3\n')
  })

  it('clones with the VM key, and with the token as a Basic password after a challenge', async () => {
    const target = join(lab.root, 'with-key')
    expect((await lab.git(lab.root, ['clone', '-q', lab.remote(), target], lab.vmKey)).code).toBe(0)
    const withPassword = lab.remote().replace('://', `://vm:${lab.vmKey}@`)
    const { stdout } = await run('git', ['ls-remote', withPassword, 'refs/heads/main'])
    expect(stdout).toContain('refs/heads/main')
  })

  it('pushes the own branch and the checkpoint ref, and has settled when git returns', async () => {
    const dir = await lab.clone()
    const first = await lab.commit(dir)
    const pushed = await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1', 'HEAD:refs/agent/p1'])
    expect(pushed.output).toContain('[new branch]')
    const { heads, settled } = await lab.state()
    expect(heads).toEqual({ 'refs/heads/agent/p1': first, 'refs/agent/p1': first })
    expect(settled.at(-1)?.kind).toBe('pushed')
    const second = await lab.commit(dir)
    expect((await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'])).code).toBe(0)
    expect(await lab.refs()).toContain(`${second} refs/heads/agent/p1`)
  })

  it('pushes from a shallow clone', async () => {
    const dir = await lab.clone('--depth=1')
    const head = await lab.commit(dir)
    expect((await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'])).code).toBe(0)
    expect(await lab.refs()).toContain(`${head} refs/heads/agent/p1`)
  })

  it.each([
    ['main', ['HEAD:refs/heads/main'], 'only agent/p1'],
    ['main by force', ['--force', 'HEAD~2:refs/heads/main'], 'only agent/p1'],
    ['a tag', ['HEAD:refs/tags/v2'], 'only agent/p1'],
    ["another plan's branch", ['HEAD:refs/heads/agent/p2'], 'only agent/p1'],
    ['a deletion of main', [':refs/heads/main'], 'only agent/p1'],
    ['a deletion of the own branch', [':refs/heads/agent/p1'], 'may not delete'],
    [
      'the own branch together with main',
      ['HEAD:refs/heads/agent/p1', 'HEAD:refs/heads/main'],
      'only agent/p1',
    ],
    [
      'the same, atomically',
      ['--atomic', 'HEAD:refs/heads/agent/p1', 'HEAD:refs/heads/main'],
      'only agent/p1',
    ],
    ['the own branch moved by another', ['--force', 'HEAD:refs/agent/p1'], 'it was moved'],
  ])('refuses %s with a remote rejected line, and no ref changes', async (_name, args, reason) => {
    const bare = lab.bare()
    await run('git', ['-C', bare, 'update-ref', 'refs/heads/agent/p1', 'main'])
    await run('git', ['-C', bare, 'update-ref', 'refs/agent/p1', 'main~1'])
    await lab.set({
      heads: { 'refs/heads/agent/p1': (await run('git', ['-C', bare, 'rev-parse', 'main'])).stdout.trim() },
    })
    const dir = await lab.clone()
    await lab.commit(dir)
    const before = await lab.refs()
    const ran = await lab.git(dir, ['push', 'origin', ...args])
    expect(ran.code).toBe(1)
    expect(ran.output).toContain('[remote rejected]')
    expect(ran.output).toContain(reason)
    expect(ran.output).toContain('remote: gateway:')
    expect(await lab.refs()).toBe(before)
    expect(
      lab.host.seen.filter(({ method, url }) => method === 'POST' && url.endsWith('receive-pack')),
    ).toEqual([])
  })

  it('streams a push above 1 MiB, which git sends chunked after a probe', async () => {
    const dir = await lab.clone()
    const head = await lab.commit(dir, 'head -c 6000000 /dev/urandom > big')
    const ran = await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'])
    expect(ran).toMatchObject({ code: 0 })
    expect(await lab.refs()).toContain(`${head} refs/heads/agent/p1`)
    const posts = lab.host.seen.filter(({ url }) => url.endsWith('/git-receive-pack'))
    expect(posts.map(({ headers }) => headers['transfer-encoding'] ?? headers['content-length'])).toEqual([
      '4',
      'chunked',
    ])
  })

  it('gives the reason for a refused push of 20 MB too', async () => {
    const dir = await lab.clone()
    await lab.commit(dir, 'head -c 20000000 /dev/urandom > big')
    const ran = await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/main'])
    expect(ran.output).toContain('[remote rejected]')
  })

  it('offers no push options and no push certificates', async () => {
    const dir = await lab.clone()
    await lab.commit(dir)
    const ran = await lab.git(dir, [
      'push',
      '-o',
      'merge_request.create',
      'origin',
      'HEAD:refs/heads/agent/p1',
    ])
    expect(ran.output).toContain('does not support push options')
  })
})
