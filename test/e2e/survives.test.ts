// What may die in the middle: the Worker, the whole machine it runs on, the plan's process, D1. No plan is lost, nothing is done twice.
import { DatabaseSync } from 'node:sqlite'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signalIn } from './support/processes.ts'
import {
  allEvents,
  eventually,
  isOver,
  planStatus,
  run,
  script,
  startStack,
  submit,
  untilPlan,
} from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

/** Counts its own runs in a file of the repository, then takes its time, then goes on. */
const counting = script(
  'Count the runs',
  'echo run >> one.txt',
  'echo run >> two.txt; touch ~/in-two; sleep 6',
  'echo run >> three.txt',
)

async function expectEachOnce(repo: { pushUrl: string }, branch: string): Promise<void> {
  const shown = await run(
    'sh',
    [
      '-c',
      'rm -rf "$D"; git clone -q -b "$B" "$U" "$D" && cd "$D" && cat one.txt two.txt three.txt && git log --format=%s origin/main..HEAD',
    ],
    {
      env: { U: repo.pushUrl, D: join(stack.stateDir, 'each-once'), B: branch },
    },
  )
  expect(shown.stdout.trim().split('\n').slice(0, 3)).toEqual(['run', 'run', 'run'])
  expect(shown.stdout.trim().split('\n')).toHaveLength(4)
}

async function expectNoGap(planId: string): Promise<void> {
  const events = await allEvents(stack, planId)
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1))
  const fromVm = events.flatMap((event) =>
    event.data !== undefined && 'n' in event.data
      ? [`${String(event.data['attempt'])}:${String(event.data['n'])}`]
      : [],
  )
  expect(new Set(fromVm).size).toBe(fromVm.length)
}

const inSecondCommand = (planId: string) =>
  eventually(
    'the second command runs',
    () => allEvents(stack, planId),
    (events) => JSON.stringify(events).includes('two.txt'),
  )

describe('a kill in the middle of a plan', () => {
  it('of the Worker loses and doubles nothing', async () => {
    const repo = await stack.workspace('kill-worker')
    const plan = await submit(stack, 'kill-worker', counting)
    await inSecondCommand(plan.id)
    await stack.control('POST', '/worker/kill')
    const done = await untilPlan(stack, plan.id, isOver)
    expect(done.status).toBe('completed')
    await expectEachOnce(repo, plan.branch)
    await expectNoGap(plan.id)
  })

  it("of the plan's own process resumes it without running the interrupted command again", async () => {
    const repo = await stack.workspace('kill-plan')
    const plan = await submit(stack, 'kill-plan', counting)
    await inSecondCommand(plan.id)
    expect(signalIn(stack, /ralph\.mjs run-plan/, 'SIGKILL')).toBeGreaterThan(0)
    expect((await untilPlan(stack, plan.id, isOver)).status).toBe('completed')
    await expectEachOnce(repo, plan.branch)
    await expectNoGap(plan.id)
  })

  it('of the whole stack, started again on the same state, loses and doubles nothing', async () => {
    const repo = await stack.workspace('kill-all')
    const plan = await submit(stack, 'kill-all', counting)
    await inSecondCommand(plan.id)
    await stack.killAndRestart()
    const done = await untilPlan(stack, plan.id, isOver)
    expect(done.status).toBe('completed')
    await expectEachOnce(repo, plan.branch)
    await expectNoGap(plan.id)
  })
})

describe('with D1 failing from before the submit', () => {
  const databases = async () => {
    const dir = join(stack.stateDir, 'worker')
    const files = await readdir(dir, { recursive: true })
    return files
      .filter((file) => /(?:^|\/)d1\/.*\.sqlite$/.test(file) && !file.includes('metadata'))
      .map((file) => new DatabaseSync(join(dir, file), { timeout: 5_000 }))
  }
  const rename = async (from: string, to: string) => {
    for (const database of await databases()) {
      for (const table of ['plans', 'events', 'workspaces']) {
        const has = database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(`${table}${from}`)
        if (has !== undefined) database.exec(`ALTER TABLE ${table}${from} RENAME TO ${table}${to}`)
      }
      database.close()
    }
  }

  it('submit, status, cancel, model and push work, and the history completes when D1 is back', async () => {
    await stack.workspace('no-d1')
    await rename('', '_away')
    const list = await stack.call('plan_list', { workspace_id: 'no-d1' })
    expect(list.isError).toBe(true)
    const plan = await submit(stack, 'no-d1', script('Work without history', 'echo x > x.txt'))
    const victim = await submit(stack, 'no-d1', script('Never ends', 'sleep 300'))
    expect((await untilPlan(stack, plan.id, isOver)).status).toBe('completed')
    await stack.call('plan_cancel', { plan_id: victim.id })
    expect((await planStatus(stack, victim.id)).status).toBe('cancelled')
    await rename('_away', '')
    const listed = await eventually(
      'the list is complete',
      () => stack.call('plan_list', { workspace_id: 'no-d1' }),
      (answer) =>
        JSON.stringify(answer.data).includes('"cancelled"') &&
        JSON.stringify(answer.data).includes('"completed"'),
    )
    expect(listed.isError).toBe(false)
    const events = await allEvents(stack, plan.id)
    const [database] = await databases()
    const stored = database
      ?.prepare('SELECT COUNT(*) AS n, MAX(seq) AS last FROM events WHERE plan = ?')
      .get(plan.id)
    database?.close()
    expect(stored).toMatchObject({ n: events.length, last: events.length })
  })
})
