// The edges of what readPushHead takes: each limit from both sides, each pattern with one character too many, each part left out.
import { describe, expect, it } from 'vitest'
import { createByteReader } from '../../../src/git/byte-reader.ts'
import { DELIM, parsePkts, pkt, pktLength } from '../../../src/git/pkt-line.ts'
import { readPushHead, stripAdvertised } from '../../../src/git/receive-pack.ts'

const OLD = '1'.repeat(40)
const NEW = '2'.repeat(40)
const REF = 'refs/heads/agent/p1'
const CAPS = 'report-status quiet'
const enc = (text: string) => new TextEncoder().encode(text)
const dec = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const line = (text: string) => dec(pkt(text))
const first = `${OLD} ${NEW} ${REF}\0 ${CAPS}`
const read = (wire: string) => readPushHead(createByteReader(new Blob([enc(wire)]).stream()))
const NO_COMMAND = 'a command that is not "old new ref"'

describe('a command list', () => {
  const shallow = line(`shallow ${OLD}`).repeat(9_000)
  const fill = (bytes: number) => line(`${first} `.padEnd(bytes - shallow.length - 4, 'x'))
  it('may have 512 KB, and not a byte more', async () => {
    expect((await read(`${shallow}${fill(524_288)}0000`)).kind).toBe('push')
    expect(await read(`${shallow}${fill(524_289)}0000`)).toMatchObject({
      reason: 'the command list is too long',
    })
  })
  it('may have eight refs', async () => {
    const more = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((n) => line(`${OLD} ${NEW} refs/x/${n}`)).join('')
    expect(await read(`${line(first)}${more}0000`)).toMatchObject({ kind: 'push', commands: { length: 8 } })
  })
})

describe('a ref', () => {
  it.each([
    ['of one character', 'x', true],
    ['of 400 characters', 'x'.repeat(400), true],
    ['of 401 characters', 'x'.repeat(401), false],
    ['without a name', '', false],
  ])('%s: %s is taken: %s', async (_, ref, taken) => {
    const head = await read(`${line(`${OLD} ${NEW} ${ref}\0${CAPS}`)}0000`)
    expect(head).toMatchObject(taken ? { kind: 'push', commands: [{ ref }] } : { reason: NO_COMMAND })
  })
  it('that is not there at all is no command', async () => {
    expect(await read(`${line(`${OLD} ${NEW}\0${CAPS}`)}0000`)).toMatchObject({ reason: NO_COMMAND })
  })
})

describe('refused', () => {
  const SHALLOW = 'a misplaced shallow line'
  it.each([
    ['ids with a character before them', NO_COMMAND, `g${OLD} g${NEW} ${REF}\0${CAPS}`],
    ['ids with a character behind them', NO_COMMAND, `${OLD}g ${NEW}g ${REF}\0${CAPS}`],
    ['a new id of other characters', NO_COMMAND, `${OLD} ${'g'.repeat(40)} ${REF}\0${CAPS}`],
    ['a byte order mark before the command', NO_COMMAND, `\ufeff${first}`],
    ['a list of nothing but capabilities', NO_COMMAND, `\0${CAPS}`],
    ['one byte', NO_COMMAND, 'x'],
    ['a shallow line with capabilities', SHALLOW, `shallow ${OLD}\0${CAPS}`],
    ['a shallow line that names no id', SHALLOW, 'shallow main'],
  ])('is %s: %s', async (_, reason, payload) => {
    expect(await read(`${line(payload)}${line(first)}0000`)).toMatchObject({ kind: 'malformed', reason })
  })
  it('are ids of two lengths in two commands', async () => {
    const long = `${'1'.repeat(64)} ${'2'.repeat(64)} refs/heads/x`
    expect(await read(`${line(first)}${line(long)}0000`)).toMatchObject({
      reason: 'object ids of two lengths',
    })
  })
})

describe('capabilities', () => {
  const kept = async (caps: string) => {
    const head = await read(`${line(`${OLD} ${NEW} ${REF}\0${caps}`)}0000`)
    return head.kind === 'push' ? head.capabilities : head
  }
  it.each([
    ['with a space before them or not', 'quiet atomic', ['quiet', 'atomic']],
    ['ended by a line feed', ' quiet atomic\n', ['quiet', 'atomic']],
    ['with a line feed inside one', 'quie\nt atomic', ['atomic']],
    ['to delete refs', 'delete-refs', ['delete-refs']],
    [
      'of both object formats',
      'object-format=sha1 object-format=sha256',
      ['object-format=sha1', 'object-format=sha256'],
    ],
    ['of formats that only look like it', 'xobject-format=sha1 object-format=sha1x', []],
    ['that are none', '', []],
  ])('%s', async (_, caps, expected) => {
    expect(await kept(caps)).toEqual(expected)
  })
  it('are named in a refusal as far as they were read', async () => {
    expect(await read('zzzz')).toMatchObject({ kind: 'malformed', capabilities: [], commands: [] })
    expect(await read(`${line(`\0${CAPS}`)}0000`)).toMatchObject({ capabilities: CAPS.split(' ') })
  })
})

describe('stripAdvertised', () => {
  it('drops the line feed before it looks at the last capability', () => {
    const stripped = stripAdvertised(enc(`${OLD} ${REF}\0 quiet ofs-delta\n`))
    expect(stripped === null ? '' : dec(stripped).slice(4)).toBe(
      `${OLD} ${REF}\0quiet ofs-delta agent=agent-execution-runtime\n`,
    )
  })
  it('answers null for what is not UTF-8', () => {
    expect(stripAdvertised(Uint8Array.of(0xff, 0, 0x61))).toBeNull()
  })
})

describe('a pkt length', () => {
  it.each(['000a5', 'x000a', '000'])('of %s is none', (text) => {
    expect(pktLength(enc(text))).toBeNull()
    expect(parsePkts(enc('000'))).toBeNull()
  })
  it('of a delimiter is what we write as one', () => {
    expect(dec(DELIM)).toBe('0001')
    expect(pktLength(DELIM)).toBe('delim')
  })
})
