// Hostile pushes: 23 hand-made command lists and lawful pushes, mutated by seeded random choices.
import { createHash } from 'node:crypto'

export const OWN = 'refs/heads/agent/p1'
export const CHECKPOINT = 'refs/agent/p1'
const CAPS = 'report-status agent=git/2.50'
const SIDE_BAND = 'report-status side-band-64k agent=git/2.50'

export interface Commits {
  /** What the own branch points at now, as far as the client knows. */
  own: string
  /** A commit that is there and that it may move to. */
  next: string
  main: string
  zero: string
}

export const line = (text: string): string => (text.length + 4).toString(16).padStart(4, '0') + text

/** A pack of no objects: every commit named is at the host already. */
const EMPTY_PACK = (() => {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
  return Buffer.concat([head, createHash('sha1').update(head).digest()]).toString('latin1')
})()

/** Each a whole request body, as Latin-1 text, with its name. */
export function seeds({ own, next, main, zero }: Commits): [string, string][] {
  const first = `${own} ${next} ${OWN}\0 ${CAPS}`
  const banded = `${own} ${next} ${OWN}\0 ${SIDE_BAND}`
  const evil = `${main} ${next} refs/heads/main`
  const create = `${zero} ${next} refs/heads/evil`
  const cert = `${line(`push-cert\0${CAPS}`)}${line('certificate version 0.1\n')}${line('\n')}${line(`${evil}\n`)}${line('push-cert-end\n')}`
  const bodies: [string, string][] = [
    ['lawful', `${line(first)}0000`],
    ['lawful, with side band', `${line(banded)}0000`],
    ['lawful, to the checkpoint', `${line(`${zero} ${next} ${CHECKPOINT}\0 ${CAPS}`)}0000`],
    ['uppercase length', `${line(first).replace(/^..../, (digits) => digits.toUpperCase())}0000`],
    ['ended by 0001', `${line(first)}0001${line(evil)}0000`],
    ['ended by 0002', `${line(first)}0002${line(evil)}0000`],
    ['capabilities on the second', `${line(first)}${line(`${evil}\0 ${CAPS}`)}0000`],
    ['capabilities on the second only', `${line(evil)}${line(first)}0000`],
    ['shallow between commands', `${line(first)}${line(`shallow ${own}`)}${line(evil)}0000`],
    ['push certificate', `${cert}0000`],
    ['push certificate after a command', `${line(first)}${cert.replace(`\0${CAPS}`, '')}0000`],
    ['not UTF-8', `${line(`${zero} ${next} refs/heads/a\xff\xfe\0 ${CAPS}`)}0000`],
    ['push options', `${line(`${first} push-options`)}0000${line('merge_request.create')}0000`],
    ['0004', `0004${line(first)}${line(evil)}0000`],
    ['0003', `0003${line(first)}${line(evil)}0000`],
    ['0x length', `0x10${first}0000`],
    ['two line feeds', `${line(first)}${line(`${evil}\n\n`)}0000`],
    ['a tab', `${line(`${zero} ${next} refs/heads/a\tb\0 ${CAPS}`)}0000`],
    ['a space', `${line(`${zero} ${next} refs/heads/a b\0 ${CAPS}`)}0000`],
    ['a line feed in the ref', `${line(`${zero} ${next} refs/heads/a\nb\0 ${CAPS}`)}0000`],
    ['the same ref twice', `${line(first)}${line(`${next} ${zero} ${OWN}`)}0000`],
    ['no slash', `${line(`${zero} ${next} refs/heads/agent\0 ${CAPS}`)}0000`],
    ['other case', `${line(`${zero} ${next} refs/heads/Agent/p1\0 ${CAPS}`)}0000`],
    ['a dash', `${line(`${zero} ${next} refs/heads/agent/-x\0 ${CAPS}`)}0000`],
    ['nested', `${line(`${zero} ${next} refs/heads/agent/refs/heads/main\0 ${CAPS}`)}0000`],
    ['dots', `${line(`${zero} ${next} refs/heads/agent/../main\0 ${CAPS}`)}0000`],
    ['own, then main', `${line(first)}${line(evil)}0000`],
    ['main, then own', `${line(`${evil}\0 ${CAPS}`)}${line(`${own} ${next} ${OWN}`)}0000`],
    ['own, then a new branch', `${line(first)}${line(create)}0000`],
    ['own, then a tag deleted', `${line(first)}${line(`${main} ${zero} refs/tags/v1`)}0000`],
    ['another plan', `${line(`${zero} ${next} refs/heads/agent/p2\0 ${CAPS}`)}0000`],
    ['a tag', `${line(`${zero} ${next} refs/tags/evil\0 ${CAPS}`)}0000`],
  ]
  return bodies.map(([name, body]) => [name, body + EMPTY_PACK])
}

/** Numbers below n, the same for the same seed. */
export function dice(seed: number): (n: number) => number {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

/** None (often: the seeds themselves matter most) to four edits of the command list: cut, inserted and exchanged pieces that mean something to git. */
export function mutate(body: string, commits: Commits, roll: (n: number) => number): string {
  const pieces = [
    '0000',
    '0001',
    '0002',
    '0003',
    '0004',
    '\0',
    '\n',
    ' ',
    '\t',
    '\xff',
    'refs/heads/main',
    OWN,
    CHECKPOINT,
    'push-cert',
    'shallow ',
    line(`${commits.main} ${commits.next} refs/heads/main`),
    line(`${commits.zero} ${commits.next} refs/heads/evil`),
    line(`${commits.main} ${commits.zero} refs/tags/v1`),
    line(`${commits.own} ${commits.next} ${OWN}`),
    commits.main,
    commits.next,
    commits.zero,
    'report-status',
    'atomic',
    'object-format=sha256',
  ]
  let text = body
  for (let edits = Math.max(0, roll(8) - 3); edits > 0; edits--) {
    const at = roll(Math.min(text.length, 420))
    const put = roll(3) === 0 ? String.fromCharCode(roll(256)) : (pieces[roll(pieces.length)] ?? '')
    text = text.slice(0, at) + put + text.slice(at + roll(8))
  }
  return text
}
