// Every few minutes the work so far goes to refs/agent/{id}, which starts no CI: after the loss of the machine at most that
// much is repeated. A failed checkpoint is tried again at the next turn and never stops the work.
import { gitReason } from './git.ts'
import { snapshotCommit } from './commits.ts'
import type { PlanRun } from './plan-run.ts'

const DEFAULT_INTERVAL_MS = 4 * 60_000

export interface Checkpoints {
  stop(): Promise<void>
}

export function startCheckpoints(plan: PlanRun, intervalMs = checkpointIntervalMs()): Checkpoints {
  let last: string | null = null
  let running: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(async () => {
      last = await checkpoint(plan, last).catch((error: unknown) => {
        plan.report({ kind: 'event', type: 'error', text: `Checkpoint: ${String(error).slice(0, 500)}` })
        return last
      })
    })
  }, intervalMs)
  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}

async function checkpoint(plan: PlanRun, last: string | null): Promise<string | null> {
  const snapshot = await snapshotCommit(plan, last)
  if (snapshot === null) return last
  const ref = `refs/agent/${plan.start.id}`
  const result = await plan.git.try(['push', '--quiet', 'origin', `+${snapshot.commit}:${ref}`], {
    timeoutMs: 10 * 60_000,
  })
  if (result.code !== 0) throw new Error(gitReason(result))
  plan.report({
    kind: 'event',
    type: 'checkpoint',
    text: `The work so far is kept as ${snapshot.commit.slice(0, 12)}.`,
  })
  return snapshot.tree
}

function checkpointIntervalMs(): number {
  return Number(process.env['RALPH_CHECKPOINT_MS'] ?? DEFAULT_INTERVAL_MS)
}
