// The context that all parts of one plan's process share, and the two errors that end an attempt.
import type { VmPauseReason } from '../../src/shared/words.ts'
import type { Git } from '../git/git.ts'
import type { Journal } from './journal.ts'
import type { BaseChecks, FromPlan, Message, Start, Typed, Verdict } from '../machine/plan-pipe.ts'
import type { TokenHolder } from './token.ts'

export interface PlanContext {
  start: Start
  home: string
  env: NodeJS.ProcessEnv
  git: Git
  journal: Journal
  token: TokenHolder
  report: (message: Typed<FromPlan>) => void
  /** Asks the supervisor how the checks stand at the base. null: it could not be measured. */
  baseline: (base: string) => Promise<BaseChecks | null>
  /** Asks the supervisor to prove a pushed head; n counts the finishes. This takes minutes, up to an hour. */
  prove: (head: string, n: number, summary: string) => Promise<Verdict>
  /** Messages from the person that the model has not seen yet, oldest first. */
  inbox: Message[]
  /** What the model is told beside its tool results (notices.ts). `said` holds what it was told already. */
  notices: { waiting: string[]; said: Set<string> }
  /** Held files that were reported already (hold-back.ts). */
  heldReported: Set<string>
  /** True when the git host accepts no refs except branches, so checkpoints go to the plan's branch. */
  checkpointsOnBranch: boolean
}

/** The parts of a context that begin empty with each process. */
export const newPlanState = (): Pick<PlanContext, 'notices' | 'heldReported' | 'checkpointsOnBranch'> => ({
  notices: { waiting: [], said: new Set() },
  heldReported: new Set(),
  checkpointsOnBranch: false,
})

/** The answer of the finish gate. */
export type GateVerdict =
  | { kind: 'accepted' }
  /** text tells the model what failed and what to do. */
  | { kind: 'rejected'; text: string }
  /** Rejected too often: the attempt ends with the work as it is. */
  | { kind: 'exhausted' }

/** Thrown when an attempt cannot go on by itself. It ends paused, and its work is kept. */
export class PauseError extends Error {
  override name = 'PauseError'
  readonly reason: VmPauseReason
  constructor(reason: PauseError['reason'], detail: string) {
    super(detail)
    this.reason = reason
  }
}

/** Thrown when the gateway has revoked this attempt's rights. The attempt ends. */
export class RevokedError extends Error {
  override name = 'RevokedError'
  override message = 'The gateway revoked the rights of this attempt.'
}
