// The instrument of `npm run mutation` on a toy: exactly these mistakes, one at a time, and none at all when none is active.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { instrument } from '../../mutation/instrument.ts'
import { sqlChanges } from '../../mutation/sql.ts'
import { TARGETS } from '../../mutation/targets.ts'
import { readWords } from '../../mutation/words.ts'

const words = readWords([`type Status = 'queued' | 'running'; const Kind = z.enum(['a', 'b'])`])
const mutantsOf = (source: string) => instrument('toy.ts', source, words, 1).points
const said = (source: string) =>
  mutantsOf(source).map(({ operator, before, after }) => `${operator}: ${before} -> ${after}`)

describe('the mistakes', () => {
  it.each([
    ['a < b', ['boundary: a < b -> a <= b', 'comparison flipped: a < b -> a >= b']],
    ['a + 1', ['number: 1 -> 2', 'arithmetic: a + 1 -> a - 1']],
    ['60_000', ['number: 60_000 -> 120000']],
    ['!a', ['! dropped: !a -> a']],
    ['a ?? b', ['?? dropped: a ?? b -> a']],
    ['true', ['boolean: true -> false']],
    ["'queued'", ['word: \'queued\' -> "running"']],
    ["'b'", ['word: \'b\' -> "a"']],
    ["'other'", ['word: \'other\' -> "other~"']],
    ['a && b', ['&& <-> ||: a && b -> (a) || (b)', 'term dropped: a && b -> a', 'term dropped: a && b -> b']],
    ['a.some(f)', ['some -> every: a.some(f) -> a.every(f)']],
    ['Math.min(a, b)', ['min -> max: Math.min(a, b) -> Math.max(a, b)']],
    ['a.filter(f)', ['filter dropped: a.filter(f) -> a']],
    [
      'a ? b : c',
      ['condition true: a -> true', 'condition false: a -> false', 'condition negated: a -> !(a)'],
    ],
    ['/^a$/', ['anchor dropped: /^a$/ -> /a$/', 'anchor dropped: /^a$/ -> /^a/']],
    ['({ ...a, b: null })', ['property dropped: ...a -> ', 'property dropped: b: null -> ']],
    ['({ b: null, c })', ['property dropped: c -> ']],
    // Words for people, and what is only logged.
    ["'No such plan.'", []],
    ['`No more than ${a + 1} plans.`', []],
    ["log('event', { a: 1 })", []],
    // A short cut that would end too early.
    ['a?.filter(f).length', []],
  ])('in %s', (expression, expected) => {
    expect(said(`x = y(${expression})`).slice(1)).toEqual(expected)
  })
  it('leave out statements, and answers where a function may have none', () => {
    expect(said('function f(): number | null {\n g()\n if (a) throw b\n return a\n}')).toEqual([
      'statement dropped: g() -> ',
      'condition true: a -> true',
      'condition false: a -> false',
      'condition negated: a -> !(a)',
      'statement dropped: throw b -> ',
      'answer emptied: a -> null',
    ])
    expect(said('function f(): number { return a }')).toEqual([])
    expect(said("log('event', { a })")).toEqual([])
  })
  it('are made in SQL so that it still runs', () => {
    expect(sqlChanges(`'SELECT a FROM t WHERE b = ? AND c > ? ORDER BY d LIMIT 1'`)).toEqual(
      [
        ['SQL boundary', 'WHERE b = ? AND c >= ? ORDER BY d LIMIT 1'],
        ['SQL AND', 'WHERE b = ? OR c > ? ORDER BY d LIMIT 1'],
        ['SQL WHERE dropped', 'WHERE 1 OR b = ? AND c > ? ORDER BY d LIMIT 1'],
        ['SQL ORDER dropped', 'WHERE b = ? AND c > ? LIMIT 1'],
        ['SQL order turned', 'WHERE b = ? AND c > ? ORDER BY d DESC LIMIT 1'],
        ['SQL LIMIT widened', 'WHERE b = ? AND c > ? ORDER BY d LIMIT 1 + 1000'],
        ['SQL number', 'WHERE b = ? AND c > ? ORDER BY d LIMIT 2'],
      ].map(([operator, text]) => ({ operator, text: `'SELECT a FROM t ${text ?? ''}'` })),
    )
    expect(sqlChanges(`'UPDATE t SET a = ?, b = b + 1 WHERE c = ?'`).map(({ text }) => text)).toEqual([
      `'UPDATE t SET a = ?, b = b + 1 WHERE 1 OR c = ?'`,
      `'UPDATE t SET a = ?, b = b WHERE c = ?'`,
      `'UPDATE t SET a = COALESCE(a, ?), b = b + 1 WHERE c = ?'`,
      `'UPDATE t SET a = ?, b = b + 2 WHERE c = ?'`,
    ])
  })
})

describe('the instrumented toy', () => {
  const TOY = `// A toy.
export function price(plan, nowMs) {
  const told = []
  const add = (text) => void told.push(text)
  if (plan.status !== 'running' || plan.late?.ms >= nowMs) return null
  for (let at = 0; at < plan.parts.length; at++) add(plan.parts[at] ?? 'none')
  return { ...plan, sum: plan.parts.filter((part) => part !== 0).length * 2 + 1, told }
}`
  const { code, points } = instrument('toy.js', TOY, words, 1)
  /** What a few calls answer with this mutant active. */
  const answers = async (active: number): Promise<string> => {
    Object.assign(globalThis, { __mutation: { active, reached: new Set() } })
    const toy: unknown = await import(`data:text/javascript,${encodeURIComponent(`${code}//${active}`)}`)
    if (typeof toy !== 'object' || toy === null || !('price' in toy) || typeof toy.price !== 'function')
      return ''
    const { price } = toy
    const plans = [
      { status: 'running', parts: [2, 0, null] },
      { status: 'running', parts: [], late: { ms: 5 } },
      { status: 'running', parts: [3], late: { ms: 4 } },
      { status: 'queued', parts: [1] },
    ]
    return JSON.stringify(plans.map((plan) => price(plan, 5)))
  }
  it('does as the toy does while no mutant is active, and otherwise with each', async () => {
    const original = `[{"status":"running","parts":[2,0,null],"sum":5,"told":[2,0,"none"]},null,{"status":"running","parts":[3],"late":{"ms":4},"sum":3,"told":[3]},null]`
    expect(await answers(0)).toBe(original)
    const same: string[] = []
    for (const { id, operator, before } of points)
      if ((await answers(id).catch(() => 'an error')) === original) same.push(`${operator}: ${before}`)
    expect(same).toEqual([])
  })
  it('keeps which of its mutants were come by', async () => {
    const all = { active: 0, reached: new Set<number>() }
    await answers(0)
    Object.assign(globalThis, { __mutation: all })
    const toy: unknown = await import(`data:text/javascript,${encodeURIComponent(`${code}//reached`)}`)
    if (typeof toy === 'object' && toy !== null && 'price' in toy && typeof toy.price === 'function')
      toy.price({ status: 'queued' }, 1)
    const lines = points.filter(({ id }) => all.reached.has(id)).map(({ line }) => line)
    expect([...new Set(lines)]).toEqual([5])
  })
})

it.each(TARGETS)('%s can be read with all its mutants in it', (file) => {
  const source = readFileSync(join(import.meta.dirname, '../../..', file), 'utf8')
  const { code, points } = instrument(file, source, words, 1)
  expect(parseSync(file, code).errors).toEqual([])
  expect(points.length).toBeGreaterThan(20)
})
