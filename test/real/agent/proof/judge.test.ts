// The judge's two questions against the scripted model: everything is shown, in several readings where it is long, and every answer
// becomes what the proof needs.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readDifference } from '../../../../agent/git/difference.ts'
import type { Difference } from '../../../../agent/git/difference.ts'
import { createGit, GIT_ENV } from '../../../../agent/git/git.ts'
import type { ProofOrder } from '../../../../agent/machine/prover-pipe.ts'
import { askJudge } from '../../../../agent/proof/judge.ts'
import { askAboutTests } from '../../../../agent/proof/judge-tests.ts'
import type { ModelStandIn } from '../../../world/model/server.ts'
import { KEY, newPlanId, openModel, script } from '../../support/model-support.ts'

let model: ModelStandIn
let folder: string
/** Texts of the requests, one entry each, in the order of their coming. */
let asked: string[][] = []
/** Answers to give instead of the model's. */
let instead: { status: number; body: unknown }[] = []
let url = ''
const gateway = createServer((request, response) => {
  void (async () => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    asked.push(JSON.parse(body).messages[0].content.map((block: { text: string }) => block.text))
    const given = instead.shift()
    if (given !== undefined) {
      response.writeHead(given.status, { 'content-type': 'application/json' })
      return response.end(JSON.stringify(given.body))
    }
    const passed = await fetch(`${model.url}${(request.url ?? '').replace('/vm/model', '')}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': KEY },
      body,
    })
    response.writeHead(passed.status, { 'content-type': 'application/json' })
    return response.end(await passed.text())
  })()
})

beforeAll(async () => {
  model = await openModel()
  folder = mkdtempSync(join(tmpdir(), 'judge-'))
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address with a port.
  url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
})
beforeEach(() => {
  asked = []
  instead = []
})
afterAll(async () => {
  gateway.close()
  rmSync(folder, { recursive: true, force: true })
  await model.close()
})

function bench(text: string) {
  const events: string[] = []
  const order: ProofOrder = {
    kind: 'order',
    job: 'prove',
    baselineFile: null,
    isolated: true,
    isOnBase: true,
    id: newPlanId(),
    attempt: 1,
    text,
    messages: [],
    summary: 'Done.',
    head: 'a'.repeat(40),
    branch: 'agent/x',
    baseHead: null,
    checks: [],
    model: 'claude-opus-5-5',
    effort: 'high',
    token: 'token',
    url,
    mirror: '/none',
    user: { name: 'u', home: '/none', ids: null },
    logs: '/none',
  }
  const input = {
    order,
    token: {
      current: () => 'token',
      all: () => ['token'],
      set: () => {},
      renewed: () => Promise.resolve(true),
    },
    report: (message: { kind: string; text?: string }) => {
      if (message.kind === 'event') events.push(message.text ?? '')
    },
  }
  return {
    events,
    judge: (difference: Pick<Difference, 'files'>) =>
      askJudge({ ...input, difference, finding: { notes: ['A note.'], logs: [] } }),
    tests: (paths: string[]) =>
      askAboutTests(
        input,
        paths.map((path) => ({ path, diff: `@@ -1 +1 @@\n-3000\n+8080\n+["forged.js"]` })),
        'not ok 1 - port',
      ),
  }
}

/** An answer of the model that holds this value as JSON. */
const answer = (value: unknown) => ({
  status: 200,
  body: {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    stop_reason: 'end_turn',
    content: [{ type: 'text', text: JSON.stringify(value) }],
    usage: { input_tokens: 1, output_tokens: 1 },
  },
})

/** The difference of a repository whose one commit holds these files. */
async function differenceOf(files: Record<string, string>): Promise<Difference> {
  const checkout = mkdtempSync(join(folder, 'repo-'))
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', ...GIT_ENV }
  const run = (...args: string[]) => execFileSync('git', args, { cwd: checkout, env }).toString().trim()
  run('init', '--quiet')
  mkdirSync(join(checkout, 'src'))
  for (const [path, content] of Object.entries(files)) writeFileSync(join(checkout, path), content)
  run('add', '--all', '--force')
  run('commit', '--quiet', '--message', 'x')
  return readDifference(createGit(checkout, env), null, run('rev-parse', 'HEAD'))
}

/** Source of this many characters, in files of 10 KB whose every line is another one. */
function long(chars: number): Record<string, string> {
  const files: Record<string, string> = {}
  for (let n = 0; n * 10_000 < chars; n++)
    files[`src/file-${n}.js`] = Array.from(
      { length: 250 },
      (_, line) => `export const value_${n}_${line} = '${n * line}'.padEnd(3)`,
    )
      .join('\n')
      .slice(0, 10_000)
  return files
}

describe('the judge of the work', () => {
  test('a short difference takes one question; what it misses comes back as points', async () => {
    const { judge, events } = bench(
      `Plan.\n${script({ judge: { complete: false, missing: ['The README.'] } })}${script({ judge: {} })}`,
    )
    const difference = await differenceOf({ 'a.js': 'a()\n' })
    expect(await judge(difference)).toMatchObject({
      kind: 'incomplete',
      text: expect.stringContaining('- The README.'),
      unread: [],
    })
    expect(await judge(difference)).toEqual({ kind: 'complete', unread: [] })
    expect(asked).toHaveLength(2)
    expect(events).toEqual([
      'A judge finds missing:\n- The README.',
      'A judge with fresh eyes finds the plan carried out.',
    ])
  })

  test('of a difference of 400 KB every changed line is shown in some reading', async () => {
    const files = long(400_000)
    const difference = await differenceOf(files)
    const { judge, events } = bench('Plan.')
    expect(await judge(difference)).toEqual({ kind: 'complete', unread: [] })
    expect(asked.length).toBeGreaterThanOrEqual(4)
    expect(asked.length).toBeLessThanOrEqual(6)
    const shown = new Set(asked.flatMap((texts) => texts.join('\n').split('\n')))
    const changed = Object.values(files)
      .flatMap((text) => text.split('\n'))
      .filter(Boolean)
    expect(changed.join('\n').length).toBeGreaterThan(390_000)
    expect(changed.filter((line) => !shown.has(`+${line}`))).toEqual([])
    // Each reading holds the plan first, and names what the others hold.
    for (const texts of asked) {
      expect(texts[0]).toMatch(/^<plan id="[0-9a-f-]{36}">Plan\.<\/plan>$/)
      expect(texts.join('\n')).toContain('src/file-39.js')
      expect(texts.at(-1)).toMatch(new RegExp(`^This is reading \\d of ${asked.length}\\.`))
    }
    expect(events[0]).toBe(`A judge reads the difference in ${asked.length} readings.`)
  })

  test('one reading that finds something missing is enough, and the scripted answer is of all its readings', async () => {
    const difference = await differenceOf(long(200_000))
    const { judge } = bench(
      `Plan.\n${script({ judge: { complete: false, missing: ['A part.'] } })}${script({ judge: {} })}`,
    )
    expect(await judge(difference)).toMatchObject({
      kind: 'incomplete',
      text: expect.stringMatching(/missing:\n- A part\.\nDo it/),
    })
    expect(await judge(difference)).toEqual({ kind: 'complete', unread: [] })
    asked = []
    instead = [answer({ found: 'file-1 holds it.', complete: true, missing: ['file-2 is empty.'] })]
    expect(await judge(difference)).toMatchObject({
      kind: 'incomplete',
      text: expect.stringContaining('- file-2 is empty.'),
    })
    expect(asked[1]?.join('\n')).toContain('Reading 1: file-1 holds it.')
  })

  test('source beyond all readings is named to the judge and to the caller', async () => {
    const { judge, events } = bench('Plan.')
    const difference = await differenceOf({
      ...long(30_000),
      'src/zz-huge.js': 'long line of code()\n'.repeat(60_000),
    })
    expect(await judge(difference)).toEqual({ kind: 'complete', unread: ['src/zz-huge.js'] })
    expect(asked).toHaveLength(8)
    expect(asked[0]?.join('\n')).toContain('Too long to be shown, or to be shown to the end: src/zz-huge.js')
    expect(events.at(-1)).toBe('Too long for the judge to read: src/zz-huge.js')
  })

  test('a budget that ends between two readings pauses the plan', async () => {
    const difference = await differenceOf(long(200_000))
    const { judge } = bench('Plan.')
    const error = { type: 'error', error: { type: 'budget_exceeded', message: 'The budget is used.' } }
    instead = [{ status: 402, body: error }]
    expect(await judge(difference)).toEqual({
      kind: 'paused',
      reason: 'budget',
      detail: 'The budget is used.',
    })
    expect(asked).toHaveLength(1)
  })
})

describe('the judge of changed tests', () => {
  test.each([
    ['nothing in the plan', '', []],
    ['no', script({ judge_tests: 'no' }), []],
    ['yes', script({ judge_tests: 'yes' }), ['test/a.js', 'test/b.js']],
    ['a list of paths', script({ judge_tests: ['test/b.js', 'forged.js'] }), ['test/b.js']],
  ])('%s', async (_, block, allowed) => {
    const { tests, events } = bench(`Plan.\n${block}`)
    const told = await tests(['test/a.js', 'test/b.js'])
    expect(told).toMatchObject({ kind: 'answered' })
    if (told.kind !== 'answered') return
    expect(told.allowed.map(({ path }) => path)).toEqual(allowed)
    expect(told.refused).toEqual(['test/a.js', 'test/b.js'].filter((path) => !allowed.includes(path)))
    expect(asked).toHaveLength(1)
    expect(asked[0]?.join('\n')).toContain('not ok 1 - port')
    expect(events).toHaveLength(1)
    for (const path of [...allowed, ...told.refused]) expect(events[0]).toContain(`- ${path}`)
  })

  test('the answers of the two questions are counted apart', async () => {
    const { tests, judge } = bench(
      `Plan.\n${script({ judge_tests: 'no' })}${script({ judge_tests: 'yes' })}${script({ judge: { complete: false, missing: ['x'] } })}`,
    )
    expect(await tests(['test/a.js'])).toMatchObject({ refused: ['test/a.js'] })
    expect(await judge(await differenceOf({ a: 'a\n' }))).toMatchObject({ kind: 'incomplete' })
    expect(await tests(['test/a.js'])).toMatchObject({ allowed: [{ path: 'test/a.js' }] })
  })

  test('a path that was not asked about is ignored, and a path that is named both allowed and refused counts as refused', async () => {
    const { tests } = bench('Plan.')
    const files = [
      { path: 'other.js', allowed: true, why: '' },
      { path: 'test/a.js', allowed: true, why: 'It pins the port.' },
      { path: 'test/b.js', allowed: true, why: '' },
      { path: 'test/b.js', allowed: false, why: '' },
    ]
    instead = [answer({ files })]
    expect(await tests(['test/a.js', 'test/b.js', 'test/c.js'])).toEqual({
      kind: 'answered',
      allowed: [{ path: 'test/a.js', why: 'It pins the port.' }],
      refused: ['test/b.js', 'test/c.js'],
    })
  })

  test('a revoked plan ends the question', async () => {
    const { tests } = bench('Plan.')
    const error = { type: 'error', error: { type: 'token_revoked', message: 'Revoked.' } }
    instead = [{ status: 403, body: error }]
    expect(await tests(['test/a.js'])).toEqual({ kind: 'revoked' })
  })
})
