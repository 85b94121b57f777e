// What a plan sees of a git host that refuses, redirects, stalls or says too much; and of rights that end.
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createGatewayLab, run } from '../support/gateway-lab.ts'
import { CANARY } from '../support/gateway-lab.ts'
import { startGitHost } from '../support/git-http-host.ts'
import type { GatewayLab } from '../support/gateway-lab.ts'

let lab: GatewayLab
beforeAll(async () => void (lab = await createGatewayLab()))
afterAll(() => lab.close())
beforeEach(() => lab.reset())

describe('a git host that answers otherwise', () => {
  it('passes the host its own refusal on, and settles it as refused', async () => {
    const hook = join(lab.bare(), 'hooks', 'update')
    await run('sh', [
      '-c',
      `printf '#!/bin/sh\necho policy of the host\nexit 1\n' > ${hook}; chmod +x ${hook}`,
    ])
    const dir = await lab.clone()
    await lab.commit(dir)
    const ran = await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'])
    expect(ran.output).toContain('policy of the host')
    expect(ran.output).toContain('hook declined')
    expect((await lab.state()).settled.at(-1)).toMatchObject({ kind: 'refused_upstream' })
  })

  it('tells a plan that may not push so before it sends anything', async () => {
    const dir = await lab.clone()
    await lab.commit(dir)
    await lab.set({ mayPush: false })
    const ran = await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'])
    expect(ran.output).toContain('fatal: remote error: The plan was cancelled')
  })

  it('tells a VM key that it may only fetch', async () => {
    const dir = await lab.clone()
    const ran = await lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'], lab.vmKey)
    expect(ran.output).toContain('fatal: remote error: A VM key may only fetch')
  })

  it('names a credential the host refuses, without the words of the host', async () => {
    lab.host.intercept = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="host"' }).end(`no: ${CANARY}`)
      return true
    }
    const ran = await lab.git(lab.root, ['ls-remote', lab.remote()])
    expect(ran.output).toContain('fatal: remote error:')
    expect(ran.output).toContain('code credential')
    expect(ran.output).not.toContain(CANARY)
  })

  it('follows no redirect: the other host sees nothing', async () => {
    const other = await startGitHost({ root: lab.root, user: 'a', token: 'b' })
    lab.host.intercept = (request, response) => {
      response.writeHead(307, { location: `${other.url}${request.url ?? ''}` }).end()
      return true
    }
    const ran = await lab.git(lab.root, ['ls-remote', lab.remote()])
    expect(ran.output).toContain('code redirect')
    expect(other.seen).toEqual([])
    await other.close()
  })

  it('cuts a push under way when its right is revoked, and settles it as unknown', async () => {
    const dir = await lab.clone()
    await lab.commit(dir)
    const arrived = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    lab.host.intercept = (request, response) => {
      if (request.method !== 'POST') return false
      response.on('close', () => aborted.resolve())
      arrived.resolve() // and never answers
      return true
    }
    const pushing = lab.git(dir, ['push', 'origin', 'HEAD:refs/heads/agent/p1'])
    await arrived.promise
    await fetch(`${lab.base}/control/revoke`, { method: 'POST' })
    const ran = await pushing
    expect(ran.output).toContain('[remote rejected]')
    expect(ran.output).toContain('cut: the right to push ended')
    await aborted.promise
    expect((await lab.state()).settled.at(-1)).toEqual({ kind: 'unknown' })
  })

  it('shows the VM neither the real token nor headers of the host', async () => {
    lab.host.intercept = (_request, response) => {
      response.setHeader('set-cookie', 'session=secret')
      response.setHeader('x-internal', CANARY)
      return false
    }
    const answer = await fetch(`${lab.remote()}/info/refs?service=git-upload-pack`, {
      headers: { authorization: `Bearer ${lab.planToken}`, cookie: 'a=b' },
    })
    expect(answer.status).toBe(200)
    expect(JSON.stringify([...answer.headers])).not.toMatch(/secret|CANARY/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(lab.host.seen[0]?.headers).not.toHaveProperty('cookie')
  })
})
