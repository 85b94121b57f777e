// Pushes the work so far to refs/agent/{id} every few minutes, so that a lost machine costs at most that much work. Pushes to this
// ref start no CI. A failed checkpoint is tried again soon and never stops the work.
import { gitReason } from '../git/git.ts'
import { snapshotCommit } from '../publish/commits.ts'
import type { PlanContext } from '../plan/plan-context.ts'

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
  const push = (ref: string) =>
    plan.git.try(['push', '--quiet', '--no-verify', 'origin', `+${snapshot.commit}:${ref}`], {
      timeoutMs: 10 * 60_000,
    })
  const branch = `refs/heads/${plan.start.branch}`
  let result = await push(plan.checkpointsOnBranch ? branch : `refs/agent/${plan.start.id}`)
  if (result.code !== 0 && !plan.checkpointsOnBranch && isRefusedByHost(result.stderr)) {
    plan.checkpointsOnBranch = true
    plan.report({
      kind: 'event',
      type: 'checkpoint',
      text: `The git host refuses refs/agent/; checkpoints go to the branch, marked [skip ci]. ${gitReason(result)}`.slice(
        0,
        1_000,
      ),
    })
    result = await push(branch)
  }
  if (result.code !== 0) throw new Error(gitReason(result))
  plan.report({
    kind: 'event',
    type: 'checkpoint',
    text: `The work so far is kept as ${snapshot.commit.slice(0, 12)}.`,
  })
  return snapshot.tree
}

/** True when the git host itself refused the ref. What our gateway refuses, it would refuse on the branch as well. */
const isRefusedByHost = (said: string): boolean =>
  /remote rejected/.test(said) &&
  /hidden ref|prohibited|not allowed|invalid ref|funny refname|refs\/agent|deny/i.test(said) &&
  !/moved by someone|this plan may|token_/.test(said)
