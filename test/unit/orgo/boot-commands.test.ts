// The commands a VM gets, as text: bounded, quoted, and built of nothing that was not checked.
import { describe, expect, it } from 'vitest'
import {
  doorbellCommand,
  firstCommand,
  foreignWorkspaceCommand,
  parseBootStatus,
  parseDoorbell,
  parseForeignWorkspace,
  statusCommand,
} from '../../../src/orgo/boot.ts'
import { NODE_SHA256 } from '../../../src/orgo/node-pin.ts'
import { MAX_COMMAND_BYTES, vmName } from '../../../src/orgo/vm.ts'

const valid = {
  vmUrl: 'https://runtime.example.workers.dev',
  ticket: 'aer_ticket_abc-DEF_123.sig',
  nonce: '0123456789abcdef',
  workspace: 'demo',
  ralphSha256: 'a'.repeat(64),
  nodeDistUrl: 'https://nodejs.org/dist',
}

describe('the first command', () => {
  it('fits what Orgo takes, several times over', () => {
    expect(new TextEncoder().encode(firstCommand(valid)).byteLength).toBeLessThan(MAX_COMMAND_BYTES / 4)
  })

  it('pins the checksum of Node at the default address and asks any other address for its own', () => {
    expect(firstCommand(valid)).toContain(NODE_SHA256.x64)
    const other = firstCommand({ ...valid, nodeDistUrl: 'https://mirror.example/node' })
    expect(other).not.toContain(NODE_SHA256.x64)
    expect(other).toContain('https://mirror.example/node')
  })

  it.each([
    ['vmUrl', "https://x.example/';id;'"],
    ['vmUrl', 'https://x.example/$(id)'],
    ['vmUrl', 'https://x.example/a"b'],
    ['vmUrl', 'ftp://x.example'],
    ['ticket', "a'b"],
    ['ticket', 'a\nb'],
    ['nonce', 'short'],
    ['nonce', '01234567; id'],
    ['workspace', '../x'],
    ['ralphSha256', 'A'.repeat(64)],
    ['nodeDistUrl', 'https://x.example/ -o /etc/passwd'],
  ])('refuses a %s like %j', (name, value) => {
    expect(() => firstCommand({ ...valid, [name]: value })).toThrow(name)
  })
})

describe('the doorbell', () => {
  it('is a constant but for its nonce', () => {
    expect(doorbellCommand('0123456789abcdef')).toBe(
      '"${HOME:-/root}/.ralph/ralph" doorbell 0123456789abcdef',
    )
    expect(() => doorbellCommand('x"; reboot')).toThrow('nonce')
  })

  it('is heard among the noise of a machine, and silence is null', () => {
    const line = '{"ralph":1,"bootId":"b","counter":3,"agentSha256":"s","supervisor":"running"}'
    expect(parseDoorbell(`warning: {broken\n${line}\nbye\n`)).toMatchObject({ counter: 3 })
    expect(parseDoorbell('bash: ralph: No such file')).toBeNull()
    expect(parseDoorbell('{"ralph":2}')).toBeNull()
  })
})

describe('the status', () => {
  it.each([
    ['{"step":"git","error":null}\n', { step: 'git', error: null }],
    ['motd\n{"step":"disk","error":"disk full"}\r\n', { step: 'disk', error: 'disk full' }],
    ['{"step":"git","error":null}\n{"step":"done","error":null}', { step: 'done', error: null }],
    ['{"step":"a step of a newer version","error":null}', null],
    ['', null],
    ['{}', null],
  ])('of %j is %j', (output, status) => {
    expect(parseBootStatus(output)).toEqual(status)
  })

  it('and the question whose machine it is are asked with constants', () => {
    expect(statusCommand()).toBe(statusCommand())
    expect(foreignWorkspaceCommand()).not.toContain('undefined')
  })
})

describe('the owner of a ~/workspace', () => {
  it('is nobody, a workspace or a stranger, and never guessed', () => {
    expect(parseForeignWorkspace('{"holds":null}')).toBeNull()
    expect(parseForeignWorkspace('{"holds":"demo"}\n')).toBe('demo')
    expect(parseForeignWorkspace('{"holds":"?"}')).toBe('?')
    expect(() => parseForeignWorkspace('')).toThrow('did not say')
  })
})

describe("a machine's name", () => {
  it('carries workspace and nonce in at most 64 characters', () => {
    expect(vmName('demo', 'ab12cd34')).toBe('aer-demo-ab12cd34')
    expect(vmName('w'.repeat(40), 'ab12cd34')).toHaveLength(53)
  })
})
