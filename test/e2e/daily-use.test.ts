// What a person does beside the main job: answers a question, writes a line into tasks.md, removes a workspace and makes it anew.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { eventually, isOver, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const Workspaces = z.object({
  workspaces: z.array(
    z.looseObject({ name: z.string(), status: z.string(), vm: z.looseObject({ id: z.string().nullish() }) }),
  ),
})
const ready = (name: string) =>
  eventually(
    `workspace ${name} is ready`,
    async () =>
      Workspaces.parse((await stack.call('workspace_list', {})).data).workspaces.find(
        (one) => one.name === name,
      ),
    (one) => one?.status === 'ready',
  )

it('a question pauses the plan, and the answer lets it finish as the next attempt', async () => {
  await stack.workspace('ask')
  const plan = await submit(
    stack,
    'ask',
    `Ask\n\n\`\`\`model\n{"ask":"Which colour?"}\n\`\`\`\n${script('', 'echo done > d.txt')}`,
  )
  expect(await untilPlan(stack, plan.id, isOver)).toMatchObject({
    status: 'paused',
    paused_reason: 'question',
    question: 'Which colour?',
  })
  expect((await stack.call('plan_message', { plan_id: plan.id, message: 'blue' })).isError).toBe(false)
  expect(await untilPlan(stack, plan.id, (seen) => seen.status === 'completed')).toMatchObject({ attempt: 2 })
})

it('a vm_id that another workspace uses is refused, and nothing is stored', async () => {
  await stack.workspace('owner')
  const vmId = (await ready('owner'))?.vm.id
  const { remote } = z
    .object({ remote: z.string() })
    .parse(await stack.control('POST', '/git/repos', { name: 'guest' }))
  const answer = await stack.call('workspace_register', { name: 'guest', git_remote: remote, vm_id: vmId })
  expect(answer).toMatchObject({ isError: true })
  expect(answer.text).toContain('vm_id')
  expect((await stack.call('workspace_sync', { workspace_id: 'guest' })).text).toContain('no workspace')
})

it('a line added to tasks.md by hand becomes one plan, and is ticked when that is over', async () => {
  await stack.workspace('lines')
  const long = await submit(stack, 'lines', script('Keep the supervisor busy', 'sleep 12'))
  await untilPlan(stack, long.id, (seen) => seen.phase === 'working')
  const computers = join(stack.stateDir, 'orgo/computers')
  const files = (await readdir(computers, { recursive: true })).filter((file) =>
    file.endsWith('workspace/tasks.md'),
  )
  const texts = await Promise.all(files.map((file) => readFile(join(computers, file), 'utf8')))
  const file = join(computers, files[texts.findIndex((text) => text.includes(long.id))] ?? 'none')
  expect(await readFile(file, 'utf8')).toContain(`- [ ] ${long.id} Keep the supervisor busy\n`)
  await writeFile(file, `${await readFile(file, 'utf8')}- [ ] Add a file by hand\n`)
  const ticked = await eventually(
    'both lines are ticked',
    () => readFile(file, 'utf8'),
    (text) => text.split('- [x]').length === 3,
  )
  expect(ticked).toMatch(/^- \[x\] [0-9a-f-]{36} Add a file by hand$/m)
})

it('a removed workspace takes its VM along, and its name can be registered anew', async () => {
  await stack.workspace('again')
  await ready('again')
  expect((await stack.call('workspace_remove', { workspace_id: 'again' })).data).toMatchObject({
    removed: true,
    vm_deleted: true,
  })
  await stack.workspace('again')
  await ready('again')
  const plan = await submit(stack, 'again', script('Work anew', 'echo 2 > 2.txt'))
  expect((await untilPlan(stack, plan.id, isOver)).status).toBe('completed')
})
