// A machine with no git and no node becomes ready, also when its bootstrap is killed again and again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, isOver, run, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack(['--vm-image', 'bare'])
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const ready = (name: string) =>
  eventually(
    `workspace ${name}`,
    () => stack.call('workspace_list', {}),
    (answer) => {
      const found = (answer.data['workspaces'] as { name: string; status: string }[] | undefined)?.find(
        (workspace) => workspace.name === name,
      )
      return found?.status === 'ready'
    },
    100_000,
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
      const { code } = await eventually(
        'bootstrap runs',
        () => run('pkill', ['-KILL', '-f', 'boot/bootstrap.sh|ralph/bootstrap.sh']),
        (result) => result.code === 0,
        40_000,
      ).catch(() => ({ code: 1 }))
      if (code === 0) kills++
      else break
    }
    expect(kills).toBeGreaterThan(0)
    await ready('bare-killed')
  })
})
