// Arguments of a tool as clients send them: which forms are understood, and in which words the others are refused.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseArguments } from '../../../src/mcp/kit/parse-arguments.ts'

const HIDDEN = 'R8s3kQ2vT9xZ4mN7pL1wY6bC0dF5gH2jK4aE'

describe('arguments', () => {
  const Schema = z.strictObject({
    name: z.string().max(5),
    count: z.int().min(1).exactOptional(),
    share: z.number().positive().max(9).exactOptional(),
    quick: z.boolean().exactOptional(),
    list: z.array(z.string().min(1, 'must not be empty')).max(2).exactOptional(),
    colour: z.enum(['red', 'blue']).exactOptional(),
    why: z.string().exactOptional(),
  })
  const parse = (args: unknown) => parseArguments('the_tool', Schema, args)

  it('come back parsed', () => {
    expect(parse({ name: 'a' })).toEqual({ name: 'a' })
  })

  it('may be null, or leave optional ones out as null or ""', () => {
    expect(parseArguments('the_tool', z.strictObject({ why: z.string().exactOptional() }), null)).toEqual({})
    for (const none of [null, ''])
      expect(
        parse({ name: 'a', count: none, share: none, quick: none, list: none, colour: none, why: none }),
      ).toEqual({ name: 'a' })
  })

  it('of another kind than string may come as their JSON text', () => {
    expect(
      parse({ name: '5', count: '5', share: '0.5', quick: 'true', list: '["a", "b"]', why: 'true' }),
    ).toEqual({ name: '5', count: 5, share: 0.5, quick: true, list: ['a', 'b'], why: 'true' })
  })

  it('in JSON text are searched for secrets after it was read', () => {
    const escaped = `["gh\\u0070_${HIDDEN}"]`
    expect(JSON.parse(escaped)).toEqual([`ghp_${HIDDEN}`])
    expect(catching(() => parse({ name: 'a', list: escaped }))).toContain('list holds something shaped like')
  })

  it('may hold the example password of a database', () => {
    const plan = 'Connect to postgres://shop:shop-password@db.example.com/shop.'
    expect(parseArguments('the_tool', z.strictObject({ plan: z.string() }), { plan })).toEqual({ plan })
  })

  it.each([
    [
      'an unknown argument',
      { name: 'a', hue: 'red' },
      'There is no argument "hue"; the arguments are name, count, share, quick, list, colour, why.',
    ],
    ['a missing one', {}, 'name is missing: send a string.'],
    ['none at all', undefined, 'name is missing: send a string.'],
    ['null for a required one', { name: null }, 'name must be a string, not null.'],
    ['a wrong type', { name: 'a', count: 'two' }, 'count must be a number.'],
    ['a list for a number', { name: 'a', count: [1] }, 'count must be a number.'],
    ['a fraction of a whole number', { name: 'a', count: 1.5 }, 'count must be a whole number.'],
    ['too small a number', { name: 'a', count: '0' }, 'count must be at least 1.'],
    ['zero of what is above it', { name: 'a', share: 0 }, 'share must be above 0.'],
    ['too large a number', { name: 'a', share: 10 }, 'share must be at most 9.'],
    ['a word for true', { name: 'a', quick: 'yes' }, 'quick must be true or false.'],
    ['a text for a list', { name: 'a', list: 'npm test' }, 'list must be a list.'],
    ['too long a list', { name: 'a', list: ['a', 'b', 'c'] }, 'list has more than 2 entries.'],
    ['a wrong entry', { name: 'a', list: '["a", 1]' }, 'list.1 must be a string.'],
    ['an empty entry', { name: 'a', list: [''] }, 'list.0 must not be empty.'],
    ['too long a text', { name: 'abcdef' }, 'name is longer than 5 characters.'],
    ['another word', { name: 'a', colour: 'green' }, 'colour must be one of "red", "blue".'],
    ['a list', ['a'], 'The arguments must be one JSON object.'],
    ['a text', 'a', 'The arguments must be one JSON object.'],
  ])('that hold %s are refused by name', (_what, args, message) => {
    expect(() => parse(args)).toThrow(`the_tool was not called: ${message}`)
  })

  it('whose names are hostile are named cleaned and cut', () => {
    expect(() => parse({ name: 'a', [`\u202e${'x'.repeat(100)}`]: 1 })).toThrow(`"${'x'.repeat(39)}…"`)
  })

  it.each([
    ['in a value', { name: `ghp_${HIDDEN}` }, 'name holds something shaped like a GitHub token'],
    [
      'deep inside',
      { name: 'a', list: [{ x: [`glpat-${HIDDEN}`] }] },
      'list holds something shaped like a GitLab token',
    ],
    ['as a name', { [`ghp_${HIDDEN}`]: 1 }, 'The name of an argument holds something'],
    [
      'of an unknown argument, before it is called unknown',
      { token: `ghp_${HIDDEN}` },
      'token holds something',
    ],
    ['without any object', `ghp_${HIDDEN}`, 'The call holds something'],
  ])('with a git token %s are refused, and the value is not repeated', (_what, args, message) => {
    const refusal = catching(() => parse(args))
    expect(refusal).toContain(message)
    expect(refusal).toContain('Revoke it')
    expect(refusal).toContain('GIT_CREDENTIALS')
    expect(refusal).not.toContain(HIDDEN)
  })

  it('with another key are refused too, without a word about git', () => {
    const refusal = catching(() => parse({ name: `AIza${HIDDEN.slice(0, 35)}` }))
    expect(refusal).toContain('name holds something shaped like a Google API key')
    expect(refusal).not.toContain('GIT_CREDENTIALS')
    expect(refusal).not.toContain(HIDDEN.slice(0, 35))
  })

  it('nested deeper than any stack are still searched', () => {
    let deep: unknown = `ghp_${HIDDEN}`
    for (let level = 0; level < 200_000; level++) deep = [deep]
    expect(catching(() => parse({ name: 'a', deep }))).toContain('deep holds something')
  })
})

function catching(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return error instanceof Error ? error.message : 'no error'
  }
  return 'nothing was thrown'
}
