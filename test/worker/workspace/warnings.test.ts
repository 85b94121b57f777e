// What a workspace says about itself before a plan has to fail over it.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCore } from '../../../src/workspace/core/core.ts'
import { workspaceSnapshot } from '../../../src/workspace/outbox/drain-outbox.ts'
import { endOutside, objectOf, playOutside, workspaceStub } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { REMOTE } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

describe('the warnings of a workspace', () => {
  it('name GIT_CREDENTIALS and the command that adds a line, while none fits the remote', async () => {
    const stub = await workspaceStub('no-line')
    const { workspace } = await stub.register({ name: 'no-line', gitRemote: REMOTE })
    expect(workspace.warnings).toEqual([])
    const other = { ...env, GIT_CREDENTIALS: 'https://x-access-token:ghp_CANARYgit0123456789@github.com' }
    const { warnings } = await runInDurableObject(await objectOf('no-line'), (_, state) =>
      workspaceSnapshot(createCore(state, Object.assign(Object.create(null), other))),
    )
    expect(warnings).toEqual([
      'GIT_CREDENTIALS has no line for git.test: plans cannot push there. The owner adds one with: npm run credentials -- add git.test',
    ])
  })

  it('say that the git host has not answered yet', async () => {
    outside.gitStatus = 503
    const stub = await workspaceStub('unheard')
    const { workspace } = await stub.register({ name: 'unheard', gitRemote: REMOTE })
    expect(workspace.warnings).toEqual([
      'git.test has not answered yet: plans without a base of their own wait for its default branch.',
    ])
  })
})
