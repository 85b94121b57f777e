// Ralph's tools on the files a repository may really hold: pipes, devices, huge files, bytes that are no UTF-8, odd names, links
// out of the tree, pictures; and commands that go on by themselves. Each answers in words, none hangs.
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { identifyImage } from '../../../../agent/tools/image.ts'
import { replaceText } from '../../../../agent/tools/edit.ts'
import { openTools } from '../../support/tools.ts'
import type { ToolBench } from '../../support/tools.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ralph-tools-')))
const checkout = join(folder, 'checkout')
const at = (name: string) => join(checkout, name)
let bench: ToolBench
beforeAll(() => {
  mkdirSync(checkout)
  bench = openTools(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('files that are no plain text', () => {
  test.each([
    ['read', 'is no regular file (a pipe, socket or device)'],
    ['edit', 'is no regular file (a pipe, socket or device)'],
    ['write', 'is no regular file (a pipe, socket or device)'],
    ['grep', 'No match.'],
  ])('%s does not wait for a pipe nobody writes to', async (name, words) => {
    rmSync(at('pipe'), { force: true })
    execFileSync('mkfifo', [at('pipe')])
    const input = { path: 'pipe', old_text: 'a', new_text: 'b', content: 'c', pattern: 'x' }
    expect(await bench.call(name, input)).toContain(words)
  })

  test('a socket, a directory, a missing file and a circle of links are named', async () => {
    const server = createServer().listen(at('socket'))
    mkdirSync(at('folder'))
    symlinkSync('round', at('round'))
    expect(await bench.call('read', { path: 'socket' })).toContain('is no regular file')
    expect(await bench.call('read', { path: 'folder' })).toContain('is a directory')
    expect(await bench.call('edit', { path: 'none', old_text: 'a', new_text: 'b' })).toContain(
      'does not exist',
    )
    expect(await bench.call('read', { path: 'round' })).toContain('circles of links')
    server.close()
  })

  test('a file of 5 GB is not read into memory', async () => {
    writeFileSync(at('huge'), '')
    truncateSync(at('huge'), 5 * 1024 ** 3)
    expect(await bench.call('read', { path: 'huge' })).toContain(
      'has 5368709120 bytes; look at parts of it with bash',
    )
    expect(await bench.call('edit', { path: 'huge', old_text: 'a', new_text: 'b' })).toContain(
      'look at parts',
    )
    rmSync(at('huge'))
  })

  test('an edit in a file with invalid UTF-8 changes nothing beside its place', async () => {
    writeFileSync(at('latin'), Buffer.from('caf\xe9 one\ncaf\xc3\xa9 two\n', 'latin1'))
    const said = await bench.call('edit', { path: 'latin', old_text: 'café two', new_text: 'thé two' })
    expect(said).toContain('2\tthé two')
    expect(readFileSync(at('latin')).toString('latin1')).toBe('caf\xe9 one\nth\xc3\xa9 two\n')
    expect(await bench.call('grep', { pattern: 'one', path: 'latin' })).toContain('one')
  })

  test('a file named -rf is a file like any other', async () => {
    await bench.call('write', { path: '-rf', content: 'dashing\n' })
    expect(await bench.call('read', { path: '-rf' })).toBe('1\tdashing')
    expect(await bench.call('grep', { pattern: 'dash', path: '-rf' })).toBe('-rf:1:dashing')
    await bench.call('edit', { path: '-rf', old_text: 'dashing', new_text: 'calm' })
    expect(readFileSync(at('-rf'), 'utf8')).toBe('calm\n')
  })

  test('a link out of the tree is neither read, edited nor written', async () => {
    symlinkSync('/etc/passwd', at('out'))
    for (const name of ['read', 'edit', 'write', 'grep'])
      expect(
        await bench.call(name, {
          path: 'out',
          old_text: 'root',
          new_text: 'x',
          content: 'x',
          pattern: 'root',
        }),
      ).toContain('lies outside the checkout')
  })

  test('a write keeps the mode of the file and shortens it', async () => {
    writeFileSync(at('run.sh'), 'x'.repeat(1_000), { mode: 0o755 })
    await bench.call('write', { path: 'run.sh', content: 'short' })
    expect(readFileSync(at('run.sh'), 'utf8')).toBe('short')
    expect(execFileSync('stat', ['-c', '%a', at('run.sh')], { encoding: 'utf8' })).toBe('755\n')
  })
})

describe('edit', () => {
  test('finds its place though spaces at line ends differ, and says so', async () => {
    writeFileSync(at('loose'), 'one  \r\ntwo\t\r\nthree\r\n')
    const said = await bench.call('edit', { path: 'loose', old_text: 'one\ntwo', new_text: '1\n2' })
    expect(said).toContain('matched without regard to spaces at line ends')
    expect(readFileSync(at('loose'), 'utf8')).toBe('1\r\n2\t\r\nthree\r\n')
    expect(replaceText('a.b \nc', 'a.b\nc', 'x', false).text).toBe('x')
    expect(() => replaceText('aXb \nc', 'a.b\nc', 'x', false)).toThrow('not found')
  })
})

describe('pictures', () => {
  test('are shown to the model as they are when they are small', async () => {
    const png = makePng(20, 10)
    writeFileSync(at('small.png'), png)
    expect(await bench.content('read', { path: 'small.png' })).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') } },
      { type: 'text', text: 'small.png: 20 x 10 pixels' },
    ])
  })

  test('are made smaller by a program of the machine, or the model hears what to do', async () => {
    writeFileSync(at('large.png'), makePng(3_000, 10))
    expect(await bench.call('read', { path: 'large.png' })).toContain('at most 1568 pixels a side')
    const tool = join(folder, 'bin/convert')
    mkdirSync(join(folder, 'bin'), { recursive: true })
    writeFileSync(join(folder, 'smaller.png'), makePng(1_568, 5))
    writeFileSync(tool, `#!/bin/sh\ncp ${join(folder, 'smaller.png')} "$4"\n`, { mode: 0o755 })
    const content = await bench.content('read', { path: 'large.png' })
    expect(content).toMatchObject([{ type: 'image' }, { text: 'large.png: 3000 x 10 pixels' }])
  })

  test.each([
    ['image/png', makePng(7, 9)],
    ['image/gif', Buffer.concat([Buffer.from('GIF89a\x07\x00\x09\x00', 'latin1'), Buffer.alloc(30)])],
    [
      'image/jpeg',
      Buffer.concat([
        Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 0, 9, 0, 7]),
        Buffer.alloc(30),
      ]),
    ],
    [
      'image/webp',
      Buffer.concat([
        Buffer.from('RIFF....WEBPVP8X........\x06\x00\x00\x08\x00\x00', 'latin1'),
        Buffer.alloc(30),
      ]),
    ],
  ])('%s is told by its bytes', (mediaType, bytes) => {
    expect(identifyImage(bytes)).toEqual({ mediaType, width: 7, height: 9 })
  })

  test('words that begin like a picture are words', () => {
    expect(identifyImage(Buffer.from('GIF89 is a format of the eighties, they say.'))).toBeNull()
    expect(identifyImage(Buffer.from('x'))).toBeNull()
  })
})

describe('bash', () => {
  test('a background job returns at once, and its end is told with a later call', async () => {
    const started = await bench.call('bash', {
      command: 'echo up; while [ ! -e go ]; do sleep 0.05; done; exit 7',
      background: true,
    })
    const log = /goes to (\S+);/.exec(started)?.[1] ?? ''
    expect(started).toMatch(/^Job 1 runs\. .* End it with: kill -- -\d+$/)
    await expect.poll(() => readFileSync(log, 'utf8'), { timeout: 20_000 }).toBe('up\n')
    expect(await bench.call('bash', { command: 'echo still' })).not.toContain('job 1')
    writeFileSync(at('go'), '')
    await expect
      .poll(() => bench.call('bash', { command: 'true' }))
      .toContain('[job 1 ended with exit code 7:')
    expect(await bench.call('bash', { command: 'true' })).not.toContain('job 1')
  })

  test('a background job is ended as it says', async () => {
    const started = await bench.call('bash', { command: 'sleep 1000 & sleep 1000', background: true })
    // Its end may be told with the very call that ended it.
    let said = await bench.call('bash', { command: /kill -- -\d+$/.exec(started)?.[0] ?? 'false' })
    const hear = async () => (said += await bench.call('bash', { command: 'true' }))
    await expect.poll(hear, { timeout: 20_000 }).toContain('ended with exit code 137')
  })

  test('100 MB of output end the command, and the answer stays small', async () => {
    const said = await bench.call('bash', { command: 'yes 0123456789abcdef | head -c 100000000' })
    expect(Buffer.byteLength(said)).toBeLessThan(17 * 1024)
    expect(said).toContain('exit code')
  })

  test('a command that asks for a terminal gets none and does not wait', async () => {
    const said = await bench.call('bash', { command: 'read -r name || echo nobody; tty || true' })
    expect(said).toContain('nobody\nnot a tty')
  })
})

/** Grey, without compression worth the name. */
function makePng(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const ends = [Buffer.alloc(4), Buffer.alloc(4)]
    ends[0]?.writeUInt32BE(data.byteLength)
    return Buffer.concat([ends[0] ?? body, body, ends[1] ?? body])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.writeUInt8(8, 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc((width + 1) * height))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
