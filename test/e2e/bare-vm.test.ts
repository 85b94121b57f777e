// A machine with no git and no node becomes ready, also when its bootstrap is killed again and again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { signalIn } from './support/processes.ts'
import { eventually, isOver, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack(['--vm-image', 'bare'])
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const Workspaces = z.object({ workspaces: z.array(z.looseObject({ name: z.string(), status: z.string() })) })
const isReady = async (name: string): Promise<boolean> =>
  Workspaces.parse((await stack.call('workspace_list', {})).data).workspaces.some(
    (one) => one.name === name && one.status === 'ready',
  )
const ready = (name: string) =>
  eventually(
    `workspace ${name} is ready`,
    () => isReady(name),
    (holds) => holds,
  )

describe("the stand-in's image `bare`", () => {
  it('reaches ready and carries a plan out', async () => {
    await stack.workspace('bare')
    await ready('bare')
    const plan = await submit(stack, 'bare', script('Add a file', 'node --version > node.txt'))
    expect((await untilPlan(stack, plan.id, isOver)).status).toBe('completed')
  })

  it('reaches ready though its bootstrap is killed whenever it is seen', async () => {
    let kills = 0
    await stack.workspace('bare-killed')
    for (let i = 0; i < 6; i++) {
      const killed = await eventually(
        'bootstrap runs, or is through',
        async () =>
          (await isReady('bare-killed')) ? -1 : signalIn(stack, /(?:boot|ralph)\/bootstrap\.sh/, 'SIGKILL'),
        (found) => found !== 0,
      )
      if (killed < 0) break
      kills++
    }
    expect(kills).toBeGreaterThan(0)
    await ready('bare-killed')
  })
})
