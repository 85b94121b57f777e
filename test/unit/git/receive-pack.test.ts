import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createByteReader } from '../../../src/git/byte-reader.ts'
import { concatBytes, parsePkts, pkt } from '../../../src/git/pkt-line.ts'
import { readPushHead, stripAdvertised } from '../../../src/git/receive-pack.ts'

const OLD = '1'.repeat(40)
const NEW = '2'.repeat(40)
const ZERO = '0'.repeat(40)
const REF = 'refs/heads/agent/p1'
const CAPS = 'report-status side-band-64k agent=git/2.50'
const enc = (text: string) => new TextEncoder().encode(text)
const latin = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
const dec = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const line = (text: string) => dec(pkt(text))
const first = `${OLD} ${NEW} ${REF}\0 ${CAPS}`
const second = `${OLD} ${NEW} refs/heads/main`

/** Reads the head off a stream of the given chunk size, and what is left behind it. */
async function read(wire: Uint8Array, chunkBytes = 7) {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < wire.byteLength; at += chunkBytes)
        controller.enqueue(wire.slice(at, at + chunkBytes))
      controller.close()
    },
  })
  const reader = createByteReader(body)
  const head = await readPushHead(reader)
  const left: Uint8Array[] = [reader.release()]
  for await (const chunk of body) left.push(chunk)
  return { head, left: concatBytes(left) }
}

describe('readPushHead', () => {
  it('takes what git sends, writes it anew and leaves the pack', async () => {
    const { head, left } = await read(enc(`${line(first)}0000PACKrest`))
    expect(head).toMatchObject({ kind: 'push', commands: [{ oldId: OLD, newId: NEW, ref: REF }] })
    if (head.kind !== 'push') return
    expect(dec(head.head)).toBe(
      `${line(`${OLD} ${NEW} ${REF}\0 report-status side-band-64k agent=agent-execution-runtime`)}0000`,
    )
    expect(dec(left)).toBe('PACKrest')
  })

  it('takes a shallow push, a deletion, SHA-256 ids and several refs', async () => {
    for (const wire of [
      `${line(`shallow ${OLD}`)}${line(`shallow ${NEW}\n`)}${line(first)}0000`,
      `${line(`${OLD} ${ZERO} ${REF}\0${CAPS} delete-refs`)}0000`,
      `${line(`${'1'.repeat(64)} ${'2'.repeat(64)} ${REF}\0${CAPS} object-format=sha256`)}0000`,
      `${line(first)}${line(second)}0000`,
    ])
      expect((await read(enc(wire))).head.kind).toBe('push')
  })

  it('takes the probe', async () => {
    expect((await read(enc('0000'))).head).toEqual({ kind: 'probe' })
  })

  it('passes on known capabilities only', async () => {
    const caps = 'report-status-v2 quiet atomic ofs-delta object-format=sha1 session-id=x push-cert=n foo=bar'
    const { head } = await read(enc(`${line(`${OLD} ${NEW} ${REF}\0 ${caps}`)}0000`))
    expect(head).toMatchObject({
      capabilities: ['report-status-v2', 'quiet', 'atomic', 'ofs-delta', 'object-format=sha1'],
    })
  })
})

// Hand-made command lists: real git accepts the first ten, and refuses the others as well.
const cert = `${line(`push-cert\0${CAPS}`)}${line('certificate version 0.1\n')}${line(`${second}\n`)}${line('push-cert-end\n')}`
const HAND_MADE: [string, string, Uint8Array][] = [
  [
    'an uppercase pkt length',
    'a malformed pkt length',
    enc(`${line(first.padEnd(0xab - 4)).replace('00ab', '00AB')}0000`),
  ],
  ['a list ended by 0001', 'a special pkt in the command list', enc(`${line(first)}0001`)],
  ['a list ended by 0002', 'a special pkt in the command list', enc(`${line(first)}0002`)],
  [
    'capabilities on the second command',
    'a second capability list',
    enc(`${line(first)}${line(`${second}\0 ${CAPS}`)}0000`),
  ],
  ['capabilities on the second command only', 'no capability list', enc(`${line(second)}${line(first)}0000`)],
  [
    'a shallow line between commands',
    'a misplaced shallow line',
    enc(`${line(first)}${line(`shallow ${OLD}`)}${line(second)}0000`),
  ],
  ['a push certificate', 'signed pushes are not offered here', enc(`${cert}0000`)],
  [
    'a push certificate after a legal command',
    'signed pushes are not offered here',
    enc(`${line(first)}${cert.replace(`\0${CAPS}`, '')}0000`),
  ],
  [
    'a ref that is not UTF-8',
    'a ref name is not UTF-8',
    latin(`${line(`${OLD} ${NEW} refs/heads/a??\0 ${CAPS}`).replace('??', '\xff\xfe')}0000`),
  ],
  [
    'push options',
    'push options are not offered here',
    enc(`${line(`${first} push-options`)}0000${line('merge_request.create')}0000`),
  ],
  ['0004 in the list', 'a special pkt in the command list', enc(`0004${line(first)}0000`)],
  ['0003 in the list', 'a special pkt in the command list', enc(`0003${line(first)}0000`)],
  ['a length with 0x', 'a malformed pkt length', enc(`0x10${first}`)],
  [
    'two line feeds',
    'a command that is not "old new ref"',
    enc(`${line(`${OLD} ${NEW} ${REF}\0 ${CAPS}`)}${line(`${second}\n\n`)}0000`),
  ],
  [
    'a tab in the ref',
    'a command that is not "old new ref"',
    enc(`${line(`${OLD} ${NEW} refs/heads/a\tb\0 ${CAPS}`)}0000`),
  ],
  [
    'a space in the ref',
    'a command that is not "old new ref"',
    enc(`${line(`${OLD} ${NEW} refs/heads/a b\0 ${CAPS}`)}0000`),
  ],
  [
    'a line feed inside the ref',
    'a command that is not "old new ref"',
    enc(`${line(`${OLD} ${NEW} refs/heads/a\nb\0 ${CAPS}`)}0000`),
  ],
  [
    'uppercase ids',
    'a command that is not "old new ref"',
    enc(`${line(`${'A'.repeat(40)} ${NEW} ${REF}\0 ${CAPS}`)}0000`),
  ],
  [
    'ids of two lengths',
    'a command that is not "old new ref"',
    enc(`${line(`${OLD} ${'2'.repeat(64)} ${REF}\0 ${CAPS}`)}0000`),
  ],
  ['the same ref twice', 'the same ref twice', enc(`${line(first)}${line(`${OLD} ${ZERO} ${REF}`)}0000`)],
  [
    'nine refs',
    'more than 8 refs in one push',
    enc(
      `${line(first)}${'abcdefgh'
        .split('')
        .map((n) => line(`${OLD} ${NEW} refs/x/${n}`))
        .join('')}0000`,
    ),
  ],
  ['only shallow lines', 'no command', enc(`${line(`shallow ${OLD}`)}0000`)],
  ['an end inside a command', 'the request ends inside the command list', enc(line(first).slice(0, -5))],
]

describe('readPushHead refuses', () => {
  it.each(HAND_MADE)('%s: %s', async (_name, reason, wire) => {
    expect((await read(wire)).head).toMatchObject({ kind: 'malformed', reason })
  })

  it('a list longer than 512 KB', async () => {
    const wire = enc(`${line(`shallow ${OLD}`).repeat(11_000)}${line(first)}0000`)
    expect((await read(wire, 65_536)).head).toMatchObject({
      kind: 'malformed',
      reason: 'the command list is too long',
    })
  })

  it('a push without a capability list, and still names the refs it read', async () => {
    const { head } = await read(enc(`${line(second)}0000`))
    expect(head).toMatchObject({ kind: 'malformed', reason: 'no capability list' })
    const cut = await read(enc(`${line(first)}zzzz`))
    expect(cut.head).toMatchObject({
      kind: 'malformed',
      commands: [{ ref: REF }],
      capabilities: CAPS.split(' '),
    })
  })
})

describe('readPushHead under mutation', () => {
  const seeds = [
    ...HAND_MADE.map(([, , wire]) => wire),
    enc(`${line(first)}0000PACK`),
    enc(`${line(`shallow ${OLD}`)}${line(first)}${line(second)}0000PACK`),
  ]
  const mutation = fc.record({
    seed: fc.nat(seeds.length - 1),
    edits: fc.array(
      fc.record({
        at: fc.nat(400),
        cut: fc.nat(6),
        put: fc.oneof(
          fc.uint8Array({ maxLength: 4 }),
          fc
            .constantFrom('0000', '0001', '0004', '\0', '\n', ' ', 'refs/heads/main', line(second), cert)
            .map(enc),
        ),
      }),
      { maxLength: 4 },
    ),
  })

  it('never sends upstream a command it did not report, nor anything but commands', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(mutation, async ({ seed, edits }) => {
        let wire: Uint8Array = seeds[seed] ?? enc('')
        for (const { at, cut, put } of edits)
          wire = concatBytes([wire.subarray(0, at), put, wire.subarray(at + cut)])
        const { head } = await read(wire, 64)
        if (head.kind !== 'push') return
        accepted += 1
        // As git would read what we wrote: every line up to the one flush is a shallow line or a reported command.
        const pkts = parsePkts(head.head)
        expect(pkts?.at(-1)?.kind).toBe('flush')
        expect(pkts?.filter(({ kind }) => kind !== 'data')).toHaveLength(1)
        const lines = (pkts ?? []).flatMap((one) => (one.kind === 'data' ? [dec(one.bytes)] : []))
        const commands = lines.filter((one) => !/^shallow [0-9a-f]{40,64}$/.test(one))
        expect(commands.map((one) => one.split('\0')[0])).toEqual(
          head.commands.map(({ oldId, newId, ref }) => `${oldId} ${newId} ${ref}`),
        )
        expect(commands.slice(1).every((one) => !one.includes('\0'))).toBe(true)
        expect(head.commands.every(({ ref }) => !/[\0\n\t ]/.test(ref))).toBe(true)
      }),
      { numRuns: 3_000 },
    )
    // Otherwise the property held only because nothing came through.
    expect(accepted).toBeGreaterThan(20)
  })
})

describe('stripAdvertised', () => {
  it('keeps the first ref and only what we let through', () => {
    const offered =
      'report-status push-options push-cert=abc-123 ofs-delta no-thin object-format=sha1 agent=git/2.50 x'
    const stripped = stripAdvertised(enc(`${OLD} refs/heads/main\0${offered}\n`))
    expect(stripped === null ? '' : dec(stripped).slice(4)).toBe(
      `${OLD} refs/heads/main\0report-status ofs-delta no-thin object-format=sha1 agent=agent-execution-runtime\n`,
    )
  })

  it('answers null for a line without capabilities', () => {
    expect(stripAdvertised(enc(`${OLD} refs/heads/main\n`))).toBeNull()
  })
})
