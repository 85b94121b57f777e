// The whole stack: a plan that writes megabytes, pushed by a real agent, read page by page. (test/real/agent/publish/diff-pages.test.ts has 10 MB
// for the VM's side, test/worker/mcp/plan-diff.test.ts for the Worker's.)
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { isOver, script, startStack, submit, untilPlan } from '../e2e/support/stack.ts'
import type { Stack } from '../e2e/support/stack.ts'

/** 1 within `npm run test:all`, 10 by `npm run plan-diff`. */
const MEGABYTES = Number(process.env['PLAN_DIFF_MB'] ?? '1')
const PATIENCE_MS = 100_000 + 50_000 * MEGABYTES

let stack: Stack
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aer-e2e-diff-'))
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const Page = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      status: z.string(),
      hunks: z.array(z.object({ header: z.string(), text: z.string(), part: z.number().optional() })),
    }),
  ),
  pushed_head: z.string(),
  base_head: z.string(),
  cursor: z.string().optional(),
  next_step: z.string(),
})

it(
  `plan_diff gives all of a diff of ${MEGABYTES} MB, each hunk once, as git tells it of the pushed branch`,
  async () => {
    const { pushUrl } = await stack.workspace('big-diff')
    const plan = await submit(
      stack,
      'big-diff',
      script(
        'Write much',
        `for n in $(seq 1 ${16 * MEGABYTES}); do mkdir -p d$((n % 5)); seq -f "file $n line %06.0f of many words" 1 2400 > d$((n % 5))/f$n.txt; done; du -sh .`,
      ),
    )
    const done = await untilPlan(stack, plan.id, isOver, PATIENCE_MS)
    expect(done.status).toBe('completed')
    const files = new Map<string, string>()
    let bytes = 0
    let head = ''
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const answer = await stack.call('plan_diff', {
        plan_id: plan.id,
        ...(cursor === undefined ? {} : { cursor }),
      })
      const json = JSON.stringify(answer.data)
      expect(Buffer.byteLength(json)).toBeLessThan(30_000)
      bytes += json.length
      const page = Page.parse(answer.data)
      for (const { path, hunks } of page.files)
        for (const { header, text, part = 1 } of hunks)
          files.set(path, `${files.get(path) ?? ''}${part === 1 ? `${header}\n` : ''}${text}\n`)
      head = page.pushed_head
      cursor = page.cursor
    }
    expect(bytes).toBeGreaterThan(MEGABYTES * 1_000_000)
    // What git itself says of the branch, file by file.
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 1e9 })
    git('clone', '--quiet', '--bare', pushUrl, '.')
    expect(head).toBe(done.pushed_head)
    const patches = git('diff', '--no-color', `main...${done.branch}`)
      .split(/^diff --git /m)
      .slice(1)
    expect(files.size).toBe(patches.length)
    for (const patch of patches) {
      const path = /^\+\+\+ b\/(.*)$/m.exec(patch)?.[1] ?? ''
      expect(files.get(path)).toBe(patch.slice(patch.indexOf('@@ ')))
    }
  },
  PATIENCE_MS * 2,
)
