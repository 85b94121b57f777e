// JSON from outside: what is none comes back as undefined, and bytes are taken as strict UTF-8.
import { expect, it } from 'vitest'
import { decodeUtf8, parseJson } from '../../../src/shared/json.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

it.each([
  ['text', '{"a":1}'],
  ['bytes', bytes('{"a":1}')],
  ['bytes after a byte order mark', bytes('\uFEFF{"a":1}')],
])('parses %s', (_, json) => {
  expect(parseJson(json)).toEqual({ a: 1 })
})

it.each([
  ['nothing', ''],
  ['a torn line', '{"a":'],
  ['text after a byte order mark', '\uFEFF{}'],
  ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
])('answers undefined for %s', (_, json) => {
  expect(parseJson(json)).toBeUndefined()
})

it('tells JSON null from no JSON', () => {
  expect(parseJson('null')).toBeNull()
})

it('decodes UTF-8 byte for byte, or not at all', () => {
  expect(decodeUtf8(bytes('\uFEFFgrün'))).toBe('\uFEFFgrün')
  expect(decodeUtf8(new Uint8Array([0x66, 0xfc, 0x72]))).toBeNull()
})
