// What every sink writes through: secrets by exact value and by shape go, everything else stays as it was.
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { RuntimeError } from '../../../src/lib/errors.ts'
import { redact, redactAll, rememberCredentialLines, rememberSecrets } from '../../../src/lib/redact.ts'

beforeAll(() => {
  rememberSecrets({ OWNER_TOKEN: 'owner secret/of+mine & more', SHORT: 'abc' })
  rememberCredentialLines(
    'GIT_CREDENTIALS',
    'https://x-access-token:tok%2Fen-0123@git.test\n\nhttps://git.test/no-token\nhttps://u:second-one-9@git.test/o',
  )
})

const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNzaC1rZXktdjEAAAAA'.repeat(2)}\nAAAA==\n-----END OPENSSH PRIVATE KEY-----`

describe('redact', () => {
  it('takes out what became known after the same text was found clean', () => {
    expect(redact('late secret 1')).toBe('late secret 1')
    rememberSecrets({ LATE: 'late secret 1' })
    expect(redact('late secret 1')).toBe('[redacted: LATE]')
  })

  it('stays right over more texts than it remembers', () => {
    for (let n = 0; n < 10_000; n++) expect(redact(`a text of number ${n}`)).toBe(`a text of number ${n}`)
    expect(redact('second-one-9')).toBe('[redacted: GIT_CREDENTIALS]')
  })

  it.each([
    ['a known value', 'x owner secret/of+mine & more y', 'x [redacted: OWNER_TOKEN] y'],
    [
      'a known value in a URL',
      `?t=${encodeURIComponent('owner secret/of+mine & more')}`,
      '?t=[redacted: OWNER_TOKEN]',
    ],
    ['a git token', 'pushed with tok/en-0123', 'pushed with [redacted: GIT_CREDENTIALS]'],
    ['a git token as Basic', `got ${btoa('x-access-token:tok/en-0123')}`, 'got [redacted: GIT_CREDENTIALS]'],
    ['every line', 'second-one-9', '[redacted: GIT_CREDENTIALS]'],
    ['a GitHub token', 'a ghp_abcdefghijkl0123 b', 'a [redacted: a GitHub token] b'],
    [
      'two at once',
      'ghp_abcdefghijkl0123 sk-ant-api03-xyzxyzxyz',
      '[redacted: a GitHub token] [redacted: an Anthropic key]',
    ],
    ['our own tokens', 'aer_plan_eyJhIjoxfQxx.c2lnbmF0dXJlc2ln', '[redacted: a token of this runtime]'],
    [
      'a URL with a token',
      'from https://u:abcdefgh01234567@h/x',
      'from [redacted: a URL with a token in it]h/x',
    ],
    ['a Google key', `a AIza${'0b1C2'.repeat(7)} b`, 'a [redacted: a Google API key] b'],
    ['a header', 'Authorization: Bearer abcdefgh.ijkl', 'Authorization: Bearer [redacted]'],
    ['a header in JSON', '{"x-api-key":"abcdefgh1"}', '{"x-api-key":"[redacted]"}'],
    ['a private key', `a ${KEY} b`, 'a [redacted: a private key] b'],
    ['half a private key', KEY.slice(0, 80), '[redacted: a private key]'],
  ])('takes %s out', (_what, text, clean) => {
    expect(redact(text)).toBe(clean)
  })

  it.each([
    'a plan that speaks of ghp_ tokens and sk-ant- keys',
    'commit 0123456789abcdef0123456789abcdef01234567 of agent/0f8fad5b-d9cb-869f-a165-70867728950e',
    'https://user:password@example.com and abc',
    'the Authorization header is set by the gateway',
  ])('leaves %j alone', (text) => {
    expect(redact(text)).toBe(text)
  })

  it('finds a token wherever it stands in data, also in JSON inside a text, and keeps the shape of the data', () => {
    const token = 'ghp_abcdefghijkl0123'
    const part = fc.constantFrom(
      KEY,
      KEY.slice(0, 80),
      token,
      ' ',
      'https://u:',
      '"',
      '\\',
      '\n',
      '@',
      ':',
      '{',
    )
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(' '))
    const data = fc.dictionary(fc.string({ maxLength: 5 }), fc.oneof(text, fc.array(text), fc.integer()))
    fc.assert(
      fc.property(data, (value) => {
        const clean = redactAll({ a: value, b: JSON.stringify(value), [`k ${token}`]: 1 })
        expect(JSON.stringify(clean)).not.toContain(token)
        expect(Object.keys(clean.a)).toEqual(Object.keys(value))
        expect(() => JSON.parse(clean.b)).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })

  it('looks through 100,000 characters made to be slow in two seconds of processor time', () => {
    for (const text of [
      '-----BEGIN '.repeat(9_000),
      'authorization: '.repeat(7_000),
      'a'.repeat(100_000),
      '-----BEGIN A PRIVATE KEY-----' + 'A'.repeat(100_000),
    ]) {
      const started = process.cpuUsage()
      redact(text)
      expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
    }
  })

  it('reaches into data, and into the message of every error of ours', () => {
    expect(redactAll({ a: ['ghp_abcdefghijkl0123'], n: 1 })).toEqual({
      a: ['[redacted: a GitHub token]'],
      n: 1,
    })
    expect(new RuntimeError('x', 400, 'no ghp_abcdefghijkl0123').message).toBe(
      'no [redacted: a GitHub token]',
    )
  })
})
