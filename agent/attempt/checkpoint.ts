// Pushes the work so far to refs/agent/{id} every few minutes, so that a lost machine costs at most that much work. Pushes to this
// ref start no CI. A failed checkpoint is tried again soon and never stops the work.
import { gitReason } from '../git/git.ts'
import { snapshotCommit } from '../publish/commits.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { pushCheckpoint } from '../publish/push.ts'

const DEFAULT_INTERVAL_MS = 4 * 60_000
/** Wait after a failed checkpoint. After a whole interval the work of two intervals would be at risk. */
const RETRY_MS = 15_000

export interface Checkpoints {
  stop(): Promise<void>
}

export function startCheckpoints(plan: PlanContext): Checkpoints {
  // The environment variable is for tests, which cannot wait for minutes.
  const intervalMs = Number(
    process.env['RALPH_CHECKPOINT_MS'] ?? plan.start.checkpointMs ?? DEFAULT_INTERVAL_MS,
  )
  let last: string | null = null
  let running: Promise<void> = Promise.resolve()
  let timer: ReturnType<typeof setTimeout>
  let isStopped = false
  const arm = (ms: number) => {
    timer = setTimeout(() => void (running = turn()), ms)
  }
  const turn = async () => {
    let nextMs = intervalMs
    try {
      last = await checkpoint(plan, last)
    } catch (error) {
      nextMs = Math.min(intervalMs, RETRY_MS)
      plan.report({ kind: 'event', type: 'error', text: `Checkpoint: ${String(error).slice(0, 500)}` })
    }
    if (!isStopped) arm(nextMs)
  }
  arm(intervalMs)
  return {
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}

async function checkpoint(plan: PlanContext, last: string | null): Promise<string | null> {
  const snapshot = await snapshotCommit(plan, last)
  if (snapshot === null) return last
  await pushSnapshot(plan, snapshot.commit)
  plan.report({
    kind: 'event',
    type: 'checkpoint',
    text: `The work so far is kept as ${snapshot.commit.slice(0, 12)}.`,
  })
  return snapshot.tree
}

/**
 * Pushes a snapshot to the plan's checkpoint ref, or to the branch where the host takes no other refs and the caller allows it.
 * Errors: Error with git's words.
 */
export async function pushSnapshot(
  plan: PlanContext,
  commit: string,
  mayUseBranch: 'branch too' | 'checkpoint ref only' = 'branch too',
): Promise<void> {
  const result = await pushCheckpoint(plan, commit, mayUseBranch)
  if (result.code !== 0) throw new Error(gitReason(result))
  plan.journal.append({ kind: 'kept', head: commit, ref: 'checkpoint' })
}
