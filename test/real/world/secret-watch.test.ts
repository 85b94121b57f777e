// The canaries of the local world: a secret that reaches a VM is seen, whatever way it took.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createSecretWatch } from '../../world/secrets.ts'

const SECRET = 'ghp_Zx81-canary/value+0'
const dir = mkdtempSync(join(tmpdir(), 'secret-watch-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const watchOf = () => createSecretWatch({ GIT_TOKEN: SECRET, OTHER: 'something-else-entirely' })

describe('the wire', () => {
  it.each([
    ['as it is', `token=${SECRET};`],
    ['in hex', Buffer.from(`u:${SECRET}`).toString('hex')],
    ['percent-encoded', `https://u:${encodeURIComponent(SECRET)}@host`],
    ...['', 'u', 'us', 'user:'].map((before) => [
      `as base64 behind ${before.length} characters`,
      Buffer.from(`${before}${SECRET}:after`).toString('base64'),
    ]),
    ['as base64url', Buffer.from(`u:${SECRET}`).toString('base64url')],
  ])('shows a secret %s', async (_how, text) => {
    const watch = watchOf()
    watch.stream('answer')(Buffer.from(text))
    expect(await watch.sightings([])).toEqual([{ secret: 'GIT_TOKEN', where: 'answer' }])
  })

  it('shows a secret cut by a chunk border at every place', async () => {
    for (let cut = 1; cut < SECRET.length; cut++) {
      const watch = watchOf()
      const look = watch.stream('answer')
      look(Buffer.from(`${'x'.repeat(100)}${SECRET.slice(0, cut)}`))
      look(Buffer.from(SECRET.slice(cut)))
      expect(await watch.sightings([])).toHaveLength(1)
    }
  })

  it('joins no two streams, and sees nothing where nothing is', async () => {
    const watch = watchOf()
    watch.stream('a')(Buffer.from(SECRET.slice(0, 10)))
    watch.stream('b')(Buffer.from(SECRET.slice(10)))
    watch.stream('c')(Buffer.from(SECRET.slice(0, -1)))
    expect(await watch.sightings([])).toEqual([])
  })
})

describe('the machine', () => {
  it('shows files that hold a secret, named below the disk, and passes over pipes', async () => {
    const disk = join(dir, 'disk')
    mkdirSync(join(disk, 'root/.git'), { recursive: true })
    writeFileSync(
      join(disk, 'root/.git/config'),
      Buffer.concat([Buffer.from([0, 255, 10]), Buffer.from(SECRET)]),
    )
    writeFileSync(join(disk, 'harmless'), 'nothing')
    await once(spawn('mkfifo', [join(disk, 'pipe')]), 'close')
    expect(await watchOf().sightings([disk, join(dir, 'gone')])).toEqual([
      { secret: 'GIT_TOKEN', where: 'disk /root/.git/config' },
    ])
  })

  it.runIf(process.platform === 'linux')(
    'shows a secret in the environment of a process of a VM',
    async () => {
      const home = join(dir, 'computer')
      const child = spawn('sleep', ['60'], { env: { HOME: home, LEAK: SECRET, PATH: process.env['PATH'] } })
      try {
        await once(child, 'spawn')
        const found = async () =>
          (await watchOf().sightings([home])).map(({ secret, where }) => `${secret} ${where}`)
        await expect.poll(found).toEqual([`GIT_TOKEN process ${String(child.pid)}`])
      } finally {
        child.kill('SIGKILL')
      }
    },
  )

  it('never puts a secret into a command line, where a plan could read it', async () => {
    const disk = join(dir, 'big')
    mkdirSync(disk)
    writeFileSync(join(disk, 'big'), Buffer.alloc(50_000_000, 'x'))
    const looking = watchOf().sightings([disk])
    const lines: string[] = []
    const ps = async () => {
      const child = spawn('ps', ['-eo', 'args'])
      let text = ''
      for await (const chunk of child.stdout) text += String(chunk)
      lines.push(text)
    }
    await ps()
    await looking
    expect(lines.join('')).toContain('grep -rlsaF')
    expect(lines.join('')).not.toContain(SECRET)
  })
})
