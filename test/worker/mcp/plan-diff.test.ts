// plan_diff from the VM's hand-in to the model's page, through the whole Worker and a real object.
import { exports } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import { MAX_DIFF_PAGE_BYTES, MAX_DIFF_PAGES_PER_UPLOAD } from '../../../src/shared/protocol.ts'
import type { DiffFile, DiffUpload } from '../../../src/shared/protocol.ts'
import { jsonBytes } from '../../../src/mcp/kit/answer-size.ts'
import { HOSTILE } from '../support/mcp-fakes.ts'
import { BASE_URL, JSON_HEADERS } from '../support/mcp-wire.ts'
import { MAIN_HEAD, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { completed, HEAD, planClaims, ready, settle } from '../support/ready.ts'
import { CANARIES } from '../setup/options.ts'

let outside: Outside
beforeAll(() => {
  outside = playOutside()
})

const OTHER_HEAD = 'd'.repeat(40)
const totals = { files: 1, additions: 1, deletions: 0, omittedFiles: 0 }
const file = (fields: Partial<DiffFile> = {}): DiffFile => ({
  path: 'src/a.ts',
  status: 'modified',
  hunks: [{ header: '@@ -1 +1 @@', text: '-a\n+b' }],
  ...fields,
})

async function running(name: string) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'x' })
  await settle(name)
  await vm.sync()
  const claims = planClaims(name, plan.id)
  const token = await signVmToken(CANARIES.TOKEN_KEY, claims)
  const send = async (upload: object, bearer = token) => {
    const response = await exports.default.fetch(
      new Request(`${BASE_URL}/vm/diff`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}` },
        body: JSON.stringify(upload),
      }),
    )
    const { error } = z
      .object({ error: z.object({ code: z.string() }).optional() })
      .parse(await response.json())
    return error === undefined ? response.status : `${response.status} ${error.code}`
  }
  const push = async (newId = HEAD, oldId = '0'.repeat(40)) => {
    const ref = `refs/heads/${plan.branch}`
    const lease = await stub.authorize(claims, { kind: 'git_push', commands: [{ oldId, newId, ref }] })
    if (!lease.ok) throw new Error(lease.reason)
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId }] })
  }
  const finish = () =>
    vm.sync({
      plans: [
        {
          id: plan.id,
          attempt: 1,
          status: 'ended',
          activity: 2,
          messagesTaken: 0,
          events: [],
          end: completed,
        },
      ],
    })
  const upload = (fields: Partial<DiffUpload> = {}): DiffUpload => ({
    head: HEAD,
    base: MAIN_HEAD,
    first: 0,
    pages: [[file()]],
    totals,
    ...fields,
  })
  return { stub, vm, plan, send, push, finish, upload }
}

async function read(plan_id: string, args: object = {}) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'plan_diff', arguments: { plan_id, ...args } },
  })
  const response = await exports.default.fetch(
    new Request(`${BASE_URL}/mcp`, {
      method: 'POST',
      headers: { ...JSON_HEADERS, host: 'runtime.test' },
      body,
    }),
  )
  const { result } = z
    .object({
      result: z.object({
        content: z.array(z.object({ text: z.string() })),
        structuredContent: z.any().optional(),
      }),
    })
    .parse(JSON.parse((await response.text()).replace(/^[\s\S]*?data: /, '')))
  return { text: result.content[0]?.text ?? '', data: result.structuredContent }
}

describe('plan_diff', () => {
  it('answers what the VM handed in for the pushed head, also long after the plan has ended', async () => {
    const { plan, send, push, finish, upload } = await running('diff-plain')
    expect((await read(plan.id)).data).toEqual({
      files: [],
      next_step: expect.stringContaining('Nothing was pushed yet'),
    })
    await push()
    expect((await read(plan.id)).data).toEqual({
      files: [],
      pushed_head: HEAD,
      next_step: expect.stringContaining('Call plan_diff again in a moment'),
    })
    expect(await send(upload())).toBe(200)
    await finish()
    expect(await read(plan.id)).toMatchObject({
      text: expect.stringContaining(`${plan.branch}: 1 file, +1 -0`),
      data: {
        pushed_head: HEAD,
        base_head: MAIN_HEAD,
        totals: { files: 1, additions: 1, deletions: 0 },
        files: [{ path: 'src/a.ts', status: 'modified', hunks: [{ header: '@@ -1 +1 @@', text: '-a\n+b' }] }],
        next_step: expect.stringContaining('The diff is complete'),
      },
    })
    expect(await send(upload({ head: OTHER_HEAD }))).toBe('401 token_revoked')
  })

  it('gives each of 5,000 hunks over 10 MB exactly once, each page below 10,000 tokens', async () => {
    const { plan, send, push, upload } = await running('diff-long')
    await push()
    const pages = Array.from({ length: 450 }, (_, page) =>
      Array.from({ length: 12 }, (__, n) =>
        file({
          path: `src/f${page}-${n}.ts`,
          hunks: [{ header: `@@ -${page} +${n} @@`, text: `+${'x"\\'.repeat(365)}` }],
        }),
      ),
    )
    expect(jsonBytes(pages)).toBeGreaterThan(10_000_000)
    for (let first = 0; first < pages.length; first += MAX_DIFF_PAGES_PER_UPLOAD) {
      const { totals: _end, ...part } = upload({
        first,
        pages: pages.slice(first, first + MAX_DIFF_PAGES_PER_UPLOAD),
      })
      expect((await read(plan.id)).data.files).toEqual([])
      const isLast = first + MAX_DIFF_PAGES_PER_UPLOAD >= pages.length
      expect(await send(isLast ? { ...part, totals } : part)).toBe(200)
    }
    const seen: string[] = []
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const { data } = await read(plan.id, cursor === undefined ? {} : { cursor })
      expect(jsonBytes(data)).toBeLessThan(30_000)
      for (const { path, hunks } of data.files) seen.push(`${path} ${hunks[0].header}`)
      cursor = data.cursor
    }
    expect(seen).toHaveLength(5_400)
    expect(new Set(seen).size).toBe(5_400)
    expect((await read(plan.id, { path: 'src/f449-3.ts' })).data).toMatchObject({
      files: [{ path: 'src/f449-3.ts' }],
    })
  }, 120_000)

  it('shows one file or folder, by its old name too, over the pages it is on', async () => {
    const { plan, send, push, upload } = await running('diff-path')
    await push()
    const pages = [
      [file(), file({ path: 'src/lib/b.ts' }), file({ path: 'docs/%_x.md' })],
      [file({ path: 'other' })],
      [file({ path: 'lib/moved.ts', oldPath: 'src/moved.ts', status: 'renamed' }), file({ path: 'srcx/n' })],
    ]
    await send(upload({ pages }))
    const paths = async (args: object) => {
      const found: string[] = []
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const { data } = await read(plan.id, { ...args, ...(cursor === undefined ? {} : { cursor }) })
        found.push(...data.files.map(({ path }: { path: string }) => path))
        cursor = data.cursor
      }
      return found
    }
    expect(await paths({ path: 'src' })).toEqual(['src/a.ts', 'src/lib/b.ts', 'lib/moved.ts'])
    expect(await paths({ path: 'src/' })).toEqual(['src/a.ts', 'src/lib/b.ts', 'lib/moved.ts'])
    expect(await paths({ path: 'src/moved.ts' })).toEqual(['lib/moved.ts'])
    expect(await paths({ path: 'docs/%_x.md' })).toEqual(['docs/%_x.md'])
    expect(await paths({ path: '%' })).toEqual([])
    expect((await read(plan.id, { path: 'nowhere' })).data.next_step).toContain(
      'Nothing changed under this path',
    )
  })

  it('shows a diff only while its head is the pushed one, and stops pages of an older one', async () => {
    const { plan, send, push, upload } = await running('diff-moved')
    await push()
    expect(await send(upload({ pages: [[file()], [file()]] }))).toBe(200)
    const { data } = await read(plan.id)
    expect(data.cursor).toBe(`${HEAD.slice(0, 12)}.1`)
    await push(OTHER_HEAD, HEAD)
    expect((await read(plan.id)).data.files).toEqual([])
    await send(upload({ head: OTHER_HEAD, pages: [[file({ path: 'new' })]] }))
    expect((await read(plan.id)).data.files).toMatchObject([{ path: 'new' }])
    expect((await read(plan.id, { cursor: data.cursor })).text).toContain('pushed again since this cursor')
    expect((await read(plan.id, { cursor: 'x.1' })).text).toContain('cursor was not returned by plan_diff')
  })

  it('says that nothing changed, and how many files it leaves out', async () => {
    const { plan, send, push, upload } = await running('diff-none')
    await push()
    await send(upload({ pages: [], totals: { files: 0, additions: 0, deletions: 0, omittedFiles: 0 } }))
    expect((await read(plan.id)).data).toMatchObject({
      files: [],
      totals: { files: 0 },
      next_step: 'The pushed work changes nothing.',
    })
    await push(OTHER_HEAD, HEAD)
    await send(upload({ head: OTHER_HEAD, totals: { ...totals, omittedFiles: 7 } }))
    expect((await read(plan.id)).data).toMatchObject({
      totals: { omitted_files: 7 },
      next_step: expect.stringContaining('Read the omitted files with git'),
    })
  })
})

describe('what a VM may hand in', () => {
  it('is cleaned so that what hides words is seen', async () => {
    const { plan, send, push, upload } = await running('diff-hostile')
    await push()
    const nasty = `a${HOSTILE}b`
    await send(
      upload({
        pages: [
          [
            file({
              path: nasty,
              oldPath: nasty,
              mode: nasty,
              hunks: [{ header: nasty, text: `+${nasty}\n\t` }],
            }),
          ],
        ],
      }),
    )
    const shown = 'ae\u2400v\u241bi<U+202E>l<U+2066><U+200B><U+E0041><U+2028>b'
    expect((await read(plan.id)).data.files).toEqual([
      {
        path: shown,
        old_path: shown,
        mode: shown,
        status: 'modified',
        hunks: [{ header: shown, text: `+${shown}\n\t` }],
      },
    ])
  })

  it('is refused when it is too long, out of order, no diff, or of somebody without the right', async () => {
    const { send, upload } = await running('diff-refused')
    const long = { header: '@@', text: 'x'.repeat(MAX_DIFF_PAGE_BYTES) }
    expect(await send(upload({ pages: [[file({ hunks: [long] })]] }))).toBe('400 page_too_long')
    const growing = { header: '@@', text: '\u202e'.repeat(MAX_DIFF_PAGE_BYTES / 6) }
    expect(await send(upload({ pages: [[file({ hunks: [growing] })]] }))).toBe('400 page_too_long')
    expect(await send(upload({ first: 3 }))).toBe('409 diff_out_of_order')
    expect(await send({ ...upload(), head: 'main' })).toBe('400 bad_request')
    expect(await send({})).toBe('400 bad_request')
    expect(await send({ ...upload(), pages: 'x'.repeat(2_000_001) })).toBe('413 too_large')
    const vmKey = await signVmToken(CANARIES.TOKEN_KEY, {
      kind: 'vm',
      workspace: 'diff-refused',
      generation: 2,
    })
    expect(await send(upload(), vmKey)).toBe('403 wrong_token')
    const claims = planClaims('diff-refused', '00000000-0000-8000-8000-000000000000')
    expect(await send(upload(), await signVmToken(CANARIES.TOKEN_KEY, claims))).toBe('401 token_revoked')
  })

  it('is bounded over the life of a plan', async () => {
    const { send, upload } = await running('diff-much')
    const tiny = Array.from({ length: MAX_DIFF_PAGES_PER_UPLOAD }, () => [])
    let answers: unknown[] = []
    for (let n = 0; n < 251; n++)
      answers = [
        ...new Set([...answers, await send(upload({ head: n.toString(16).padStart(40, '0'), pages: tiny }))]),
      ]
    expect(answers).toEqual([200, '413 diff_too_long'])
  }, 60_000)
})
