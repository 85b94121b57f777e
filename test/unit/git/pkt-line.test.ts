import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createByteReader } from '../../../src/git/byte-reader.ts'
import { concatBytes, FLUSH, MAX_PAYLOAD, parsePkts, pkt, pktLength } from '../../../src/git/pkt-line.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)

const streamOf = (chunks: string[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(bytes(chunk))
      controller.close()
    },
  })

/** What a stream still holds. Not through Response, which takes no stream that was read from. */
async function restOf(body: ReadableStream<Uint8Array>): Promise<string> {
  let rest = ''
  for await (const chunk of body) rest += text(chunk)
  return rest
}

describe('pkt', () => {
  it('counts its own four digits, and bytes rather than characters', () => {
    expect(text(pkt('a\n'))).toBe('0006a\n')
    expect(text(pkt('é'))).toBe('0006é')
  })

  it('refuses a payload that no pkt can carry', () => {
    expect(pkt('x'.repeat(MAX_PAYLOAD)).byteLength).toBe(65_520)
    expect(() => pkt('x'.repeat(MAX_PAYLOAD + 1))).toThrow(RangeError)
  })
})

describe('pktLength', () => {
  it.each([
    ['0000', 'flush'],
    ['0001', 'delim'],
    ['0002', 'end'],
    ['0003', null],
    ['0004', null],
    ['0005', 1],
    ['000A', 6],
    ['fff0', 65_516],
    ['fff1', null],
    ['ffff', null],
    ['0x10', null],
    [' 010', null],
    ['-001', null],
  ])('reads %j as %j', (header, expected) => {
    expect(pktLength(bytes(header))).toBe(expected)
  })
})

describe('parsePkts', () => {
  it('gives back what was written, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 }))), (payloads) => {
        const wire = concatBytes(payloads.map((one) => (one === null ? FLUSH : pkt(one))))
        const read = parsePkts(wire)
        expect(read?.map((one) => (one.kind === 'data' ? [...one.bytes] : null))).toEqual(
          payloads.map((one) => (one === null ? null : [...one])),
        )
      }),
    )
  })

  it.each([['00'], ['0006a'], ['0000zzzz'], ['0004']])('answers null for %j', (wire) => {
    expect(parsePkts(bytes(wire))).toBeNull()
  })
})

describe('createByteReader', () => {
  it('reads across chunks, counts, and gives back what it did not hand out', async () => {
    const body = streamOf(['ab', 'cde', 'f', 'rest'])
    const reader = createByteReader(body)
    expect(text((await reader.read(1)) ?? bytes(''))).toBe('a')
    expect(text((await reader.read(3)) ?? bytes(''))).toBe('bcd')
    expect(reader.taken()).toBe(4)
    expect(text(reader.release())).toBe('e')
    expect(await restOf(body)).toBe('frest')
  })

  it('answers null when the stream ends first', async () => {
    const reader = createByteReader(streamOf(['abc']))
    expect(await reader.read(4)).toBeNull()
  })
})
