// The loop around the model, with limits made small: fresh conversations and what they know, compaction, items, circles, time, money,
// disk, assumptions. The scripted model plays its part; the histories it is sent are checked by the stand-in at every turn.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openWorkClock } from '../../../../agent/loop/work-clock.ts'
import { refuse } from '../../support/fake-worker.ts'
import type { FakePlan } from '../../support/fake-worker.ts'
import { createPlanVm } from '../../support/plan-vm.ts'
import { ended, until } from '../../support/vm.ts'
import type { PlanVm } from '../../support/plan-vm.ts'

const sh = (command: string) => `\n\`\`\`sh\n${command}\n\`\`\`\n`
const model = (step: unknown) => `\n\`\`\`model\n${JSON.stringify(step)}\n\`\`\`\n`
const limits = (some: Record<string, number>) => ({ RALPH_LIMITS: JSON.stringify(some) })
const types = (plan: FakePlan) => plan.events.map(({ type }) => type)

const Body = z.looseObject({
  messages: z.array(z.object({ role: z.string(), content: z.unknown() })),
  thinking: z.unknown().optional(),
  compaction: z.unknown().optional(),
})
const bodies = (vm: PlanVm) => vm.worker.modelBodies.map((body) => Body.parse(JSON.parse(body)))
/** Requests that begin a conversation. */
const openings = (vm: PlanVm) => bodies(vm).filter(({ messages }) => messages.length === 1)
const textOf = (value: unknown) => JSON.stringify(value)

async function play(vm: PlanVm, text: string, extra: Partial<FakePlan['desired']> = {}): Promise<FakePlan> {
  const plan = vm.worker.submit(text, extra)
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  return plan
}

test('a long conversation ends at a commit, and the next one knows the notes, the plan and git, and goes on', async () => {
  await using vm = await createPlanVm({ env: limits({ handoffTokens: 2_000 }) })
  const plan = await play(
    vm,
    `Long${model({ tool: 'notes', input: { text: 'The gate squeaks; oil is in the shed.' } })}${sh('echo 1 > one')}${sh('git add -A && git commit -qm one')}${sh('echo 2 > two')}${sh('git add -A && git commit -qm two')}`,
  )
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  const second = openings(vm).at(-1)
  expect(textOf(second?.messages[0])).toContain('The gate squeaks; oil is in the shed.')
  expect(textOf(second?.messages[0])).toContain(`<plan id=\\"${plan.desired.id}\\">Long`)
  expect(textOf(second?.messages[0])).toMatch(/[0-9a-f]{7,} one\\n/)
  expect(vm.git('log', '--format=%s', `main..${plan.desired.branch}`)).toBe('two\none')
  expect(types(plan)).toContain('iteration')
  // The notes are no file of the repository.
  expect(vm.git('ls-tree', '--name-only', plan.desired.branch).split('\n').toSorted()).toEqual(
    expect.not.arrayContaining(['progress.md', 'plan.json']),
  )
})

test('in the middle of an item the conversation is summed up instead, and no command runs twice', async () => {
  await using vm = await createPlanVm({ env: limits({ handoffTokens: 1_000, contextTokens: 2_000 }) })
  const plan = await play(vm, `Middle${sh('echo 1 >> log')}${sh('echo 2 >> log')}${sh('echo 3 >> log')}`)
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(types(plan)).toContain('compacted')
  const sent = bodies(vm)
  const asked = sent.findIndex(({ compaction }) => compaction !== undefined)
  expect(sent[asked]?.messages.at(-1)?.role).toBe('user')
  expect(sent[asked + 1]?.messages).toMatchObject([
    { role: 'assistant', content: [{ type: 'compaction' }] },
    { role: 'user', content: [{ text: expect.stringContaining('<plan id=') }, {}] },
  ])
  expect(vm.git('show', `${plan.desired.branch}:log`)).toBe('1\n2\n3')
})

test('a plan killed right after its conversation was summed up goes on from the summary', async () => {
  await using vm = await createPlanVm({ env: limits({ handoffTokens: 1_000, contextTokens: 2_000 }) })
  const plan = vm.worker.submit(
    `Killed${sh('echo 1 >> log')}${model({ sleep_ms: 1_500 })}${sh('echo 2 >> log')}`,
  )
  await vm.ring()
  await until(() => vm.model.calls().some(({ about }) => about === 'compaction'), 'the summary')
  process.kill(vm.planPids(plan)[0] ?? 0, 'SIGKILL')
  await until(ended(plan), 'the end of the plan')
  expect(vm.git('show', `${plan.desired.branch}:log`)).toBe('1\n2')
  expect(bodies(vm).at(-1)?.messages[0]).toMatchObject({ content: [{ type: 'compaction' }] })
})

test('an item is ticked by its command alone, and the plan does not end with an open one', async () => {
  await using vm = await createPlanVm()
  const list = [
    { what: 'a door', how_verified: 'test -e door' },
    { what: 'a roof', how_verified: 'test -e roof' },
  ]
  const plan = await play(
    vm,
    `House${model({ tool: 'items', input: { list } })}${sh('touch door')}${model({ tool: 'items', input: { check: 1 } })}${model({ tool: 'items', input: { check: 2 } })}${model({ tool: 'finish', input: { summary: 'Too early' } })}${sh('touch roof')}${model({ tool: 'items', input: { check: 2 } })}`,
  )
  const said = textOf(bodies(vm).at(-1)?.messages)
  expect(said).toContain('Item 1 is done.')
  expect(said).toContain('Item 2 is not done: exit code 1.')
  expect(said).toContain('1 items are not shown done: a roof.')
  expect(plan.events.flatMap(({ type, text }) => (type === 'item' ? [text] : []))).toEqual([
    'done: a door',
    'not done: a roof',
    'done: a roof',
  ])
  expect(plan.observed?.end).toMatchObject({ kind: 'completed', summary: 'House' })
})

test('a model that makes the same call for ever is nudged, begun anew, and ends with a reason', async () => {
  await using vm = await createPlanVm()
  const plan = await play(vm, `Circles${model({ loop: 100 })}${sh('true')}`)
  expect(plan.observed?.end).toMatchObject({
    kind: 'failed',
    error: expect.stringMatching(/^3 conversations in a row changed nothing\. .* the same call 4 times/),
  })
  // In each of three conversations: four calls and a nudge, four more and the end.
  expect(types(plan).filter((type) => type === 'nudge' || type === 'stuck')).toEqual([
    'nudge',
    'stuck',
    'nudge',
    'stuck',
    'nudge',
    'stuck',
  ])
  expect(vm.model.calls().filter(({ about }) => about === 'plan')).toHaveLength(24)
  expect(textOf(openings(vm)[1]?.messages)).toContain('How the last conversation ended')
})

test('a conversation of too many turns ends, and too many conversations end the plan', async () => {
  await using vm = await createPlanVm({ env: limits({ turns: 2, iterations: 2 }) })
  const steps = [1, 2, 3, 4, 5, 6].map((n) => sh(`echo ${n} > file`)).join('')
  const plan = await play(vm, `Turns${steps}`)
  expect(plan.observed?.end).toMatchObject({
    kind: 'failed',
    error: 'The plan was not finished in 2 conversations.',
    work: { diff: { files: 1 } },
  })
  expect(vm.git('show', `${plan.desired.branch}:file`)).toBe('4')
})

test('working time is counted over a restart and begins anew with an attempt', () => {
  const home = mkdtempSync(join(tmpdir(), 'clock-'))
  mkdirSync(join(home, '.ralph'))
  let nowMs = 0
  const first = openWorkClock(home, 1, () => nowMs)
  nowMs = 40_000
  expect(first.tick()).toBe(40_000)
  // What came after the last look is lost with the process.
  nowMs = 900_000
  const second = openWorkClock(home, 1, () => nowMs)
  nowMs = 930_000
  expect(second.tick()).toBe(70_000)
  expect(openWorkClock(home, 2, () => nowMs).tick()).toBe(0)
  rmSync(home, { recursive: true })
})

test('the end of the working time that the Worker gave ends the plan, also after a restart, with the work kept', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(
    `Slow${sh('echo 1 > one; touch ~/started; sleep 1000')}${sh('echo 2 > two')}`,
    {
      workMs: 3_600_000,
    },
  )
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), 'the first command')
  writeFileSync(join(vm.home(plan), '.ralph/worked.json'), JSON.stringify({ attempt: 1, ms: 3_600_000 }))
  const [pid] = vm.planPids(plan)
  if (pid === undefined) throw new Error('The plan has no process to kill.')
  process.kill(pid, 'SIGKILL')
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({
    kind: 'failed',
    error: expect.stringContaining('was not finished in 1 hours of work'),
    // The clock is read after each turn, so that the turn after the restart still counts.
    work: { diff: { files: 2 } },
  })
})

test('a nearly full disk ends the plan before the model is asked, with what is free and what is needed', async () => {
  await using vm = await createPlanVm({ env: limits({ minFreeMb: 1_000_000_000 }) })
  const plan = await play(vm, `Full${sh('echo 1 > one')}`)
  expect(plan.observed?.end).toMatchObject({
    kind: 'paused',
    reason: 'vm_unavailable',
    detail: expect.stringMatching(/nearly full: \d+ MB free, 1000000000 MB needed/),
  })
  expect(vm.worker.modelBodies).toEqual([])
})

test('the model hears once that nine tenths of the budget are used', async () => {
  await using vm = await createPlanVm()
  vm.worker.budgetUsed = 0.93
  const plan = await play(vm, `Dear${sh('echo 1 > one')}${sh('echo 2 > two')}`)
  const said = textOf(bodies(vm).at(-1)?.messages)
  expect(said.split('Nine tenths of the budget are used.')).toHaveLength(2)
  expect(types(plan).filter((type) => type === 'notice')).toHaveLength(1)
})

test('a plan that must not ask decides by itself, and its summary says what was decided', async () => {
  await using vm = await createPlanVm()
  const plan = await play(
    vm,
    `Colours${model({ tool: 'ask', input: { question: 'Blue or red?', assumption: 'Blue, as the logo is.' } })}${sh('echo blue > colour')}`,
    { onQuestion: 'assume' },
  )
  expect(plan.observed?.end).toMatchObject({
    kind: 'completed',
    summary: 'Colours\n\nDecided without asking:\n- Blue or red? Assumed: Blue, as the logo is.',
  })
  expect(types(plan)).toEqual(expect.arrayContaining(['question', 'assumption']))
})

test('a message that comes during the last reply is heard before the work is taken', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(`Late${sh('echo 1 > one')}${model({ sleep_ms: 2_500 })}`)
  await vm.ring()
  await until(() => vm.worker.modelBodies.length === 2, 'the last reply to begin')
  plan.desired.messages.push({ n: 1, text: 'And feed the cat.' })
  vm.worker.touch()
  await until(ended(plan), 'the end of the plan')
  expect(textOf(bodies(vm).at(-1)?.messages)).toContain('And feed the cat.')
  expect(plan.observed).toMatchObject({ messagesTaken: 1, end: { kind: 'completed' } })
})

test('a model that takes neither thinking nor effort is asked without them, in the same conversation', async () => {
  await using vm = await createPlanVm()
  vm.worker.interceptModel = (_request, response, body) => {
    if (Body.parse(JSON.parse(body)).thinking === undefined) return false
    refuse(
      response,
      400,
      'invalid_request_error',
      'thinking.type: "adaptive" is not supported for this model',
    )
    return true
  }
  const plan = await play(vm, `Plain${sh('echo 1 > one')}`)
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(vm.worker.modelBodies.filter((body) => body.includes('"thinking":{'))).toHaveLength(1)
})

test('at the end the history tells the tokens spent and the share that came from the cache', async () => {
  await using vm = await createPlanVm()
  const plan = await play(vm, `Counted${sh('echo 1 > one')}${sh('echo 2 > two')}`)
  const data = plan.events.find(({ type }) => type === 'usage')?.data
  // The judge is asked by another process.
  const calls = vm.model
    .calls()
    .flatMap(({ about, usage }) => (about !== 'plan' || usage === null ? [] : [usage]))
  const sum = (pick: (usage: (typeof calls)[number]) => number) =>
    calls.reduce((all, one) => all + pick(one), 0)
  expect(data).toMatchObject({
    answers: calls.length,
    input: sum((usage) => usage.input_tokens),
    output: sum((usage) => usage.output_tokens),
    cacheRead: sum((usage) => usage.cache_read_input_tokens),
    cacheWrite: sum((usage) => usage.cache_creation_input_tokens),
  })
  expect(data?.['cache_hit_share']).toBeGreaterThan(0.5)
})
