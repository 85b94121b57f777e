import { describe, expect, it } from 'vitest'
import { concatBytes, FLUSH, pkt } from '../../../src/git/pkt-line.ts'
import { readReport, writeRefusal } from '../../../src/git/receive-report.ts'

const SIDE_BAND = ['report-status', 'side-band-64k']
const commands = ['refs/heads/agent/p1', 'refs/heads/main'].map((ref) => ({ oldId: '', newId: '', ref }))
const refusal = {
  capabilities: SIDE_BAND,
  commands,
  reasons: [{ ref: 'refs/heads/main', text: 'not yours' }],
  message: 'gateway: no',
}
const dec = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))

const banded = (parts: Uint8Array[]) =>
  concatBytes([...parts.map((part) => pkt(concatBytes([Uint8Array.of(1), part]))), FLUSH])

describe('writeRefusal', () => {
  it('lists every command, the legal ones as not applied, and is readable as a report', () => {
    const body = writeRefusal(refusal)
    expect(dec(body)).toContain('\x02gateway: no\n')
    expect(body === null ? null : readReport(body, SIDE_BAND)).toEqual({
      unpackError: null,
      ok: [],
      refused: [
        { ref: 'refs/heads/agent/p1', text: 'not applied: another ref in this push was refused' },
        { ref: 'refs/heads/main', text: 'not yours' },
      ],
    })
  })

  it('is plain for a client without side bands, and nothing for one without reports', () => {
    const plain = writeRefusal({ ...refusal, capabilities: ['report-status-v2'] })
    expect(dec(plain)).toMatch(/^000eunpack ok\n00/)
    expect(writeRefusal({ ...refusal, capabilities: ['side-band-64k'] })).toBeNull()
  })

  it('keeps a reason on its line', () => {
    const body = writeRefusal({
      ...refusal,
      reasons: [{ ref: 'refs/heads/main', text: 'a\nok refs/heads/main\0' }],
    })
    const report = body === null ? null : readReport(body, SIDE_BAND)
    expect(report?.refused.at(-1)?.text).toBe('a ok refs/heads/main ')
    expect(dec(body)).not.toContain('\nok ')
  })
})

describe('readReport', () => {
  const report = concatBytes([
    pkt('unpack ok\n'),
    pkt('ok refs/heads/agent/p1\n'),
    pkt('option refname refs/heads/x\n'),
    pkt('ng refs/agent/p1 hook declined\n'),
    FLUSH,
  ])
  const expected = {
    unpackError: null,
    ok: ['refs/heads/agent/p1'],
    refused: [{ ref: 'refs/agent/p1', text: 'hook declined' }],
  }

  it('reads it plain, in one band, and in pieces between progress', () => {
    expect(readReport(report, ['report-status'])).toEqual(expected)
    expect(readReport(banded([report]), SIDE_BAND)).toEqual(expected)
    const pieces = concatBytes([
      pkt('\x02Resolving deltas\n'),
      banded([report.subarray(0, 11), report.subarray(11)]),
    ])
    expect(readReport(pieces, SIDE_BAND)).toEqual(expected)
  })

  it.each([
    ['without its flush', banded([report.subarray(0, report.byteLength - 4)])],
    ['cut inside a band', banded([report]).subarray(0, 30)],
    ['without a report', concatBytes([pkt('\x02hello\n'), FLUSH])],
    ['empty', new Uint8Array()],
  ])('answers null for one %s', (_name, body) => {
    expect(readReport(body, SIDE_BAND)).toBeNull()
  })

  it('tells an unpack error', () => {
    const failed = concatBytes([pkt('unpack index-pack abnormal exit\n'), FLUSH])
    expect(readReport(failed, ['report-status'])?.unpackError).toBe('index-pack abnormal exit')
  })
})
