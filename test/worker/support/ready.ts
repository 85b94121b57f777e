// What several tests of the object begin with: a registered, ready workspace in the played outside, and its alarms run by hand.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import type { AttemptEnd } from '../../../src/shared/protocol.ts'
import { objectOf, supervisor, workspaceStub } from './outside.ts'
import type { Outside } from './outside.ts'

export const REMOTE = 'https://git.test/o/r.git'
export const HEAD = 'c'.repeat(40)
export const work = {
  head: HEAD,
  commits: [{ sha: HEAD, subject: 'feat: x' }],
  diff: { files: 1, additions: 1, deletions: 0 },
  checks: [],
}
export const completed: AttemptEnd = {
  kind: 'completed',
  summary: 'done',
  outcome: 'unverified',
  reasons: ['no_checks'],
  proof: 'none',
  work,
}

/** Runs alarms until none is due now. */
export async function settle(name: string): Promise<void> {
  const stub = await objectOf(name)
  for (let i = 0; i < 12; i++) {
    const due = await runInDurableObject(
      stub,
      async (_, state) => ((await state.storage.getAlarm()) ?? Infinity) <= Date.now() + 3_100,
    )
    if (!due) return
    await runInDurableObject(stub, (_, state) => state.storage.setAlarm(Date.now() + 60_000))
    await runDurableObjectAlarm(stub)
  }
}

export async function ready(name: string, outside: Outside) {
  const stub = await workspaceStub(name)
  await stub.register({ name, gitRemote: REMOTE })
  await settle(name)
  const vm = supervisor(name, outside)
  await vm.sync()
  await settle(name)
  return { stub, vm }
}

export function planClaims(workspace: string, plan: string, attempt = 1) {
  return { kind: 'plan' as const, workspace, plan, attempt, expiresAtMs: Date.now() + 1e6 }
}
