// The messages between the supervisor and its prover: JSON lines over stdin and stdout. Both processes run as root.
import { z } from 'zod'
import { ObjectId, PlanId, Work } from '../../src/shared/protocol.ts'
import { HistoryLine, Verdict } from './plan-pipe.ts'

export const ProofOrder = z.object({
  kind: z.literal('order'),
  /** prove: prove the head. baseline: measure how set-up and checks stand at the head, which is then a base. */
  job: z.enum(['prove', 'baseline']),
  /** File of root with the baseline of the head's base (agent/proof/baseline.ts); null when the repository had no commit. */
  baselineFile: z.string().nullable(),
  /** True when the head contains the base as it stands now. */
  isOnBase: z.boolean(),
  id: PlanId,
  attempt: z.int(),
  text: z.string(),
  /** Messages that the person sent after the plan, oldest first. */
  messages: z.array(z.string()),
  summary: z.string(),
  head: ObjectId,
  branch: z.string(),
  /** Commit of the base branch now, or when the plan began; null when the repository had no commit. */
  baseHead: ObjectId.nullable(),
  setup: z.string().optional(),
  checks: z.array(z.string()),
  model: z.string(),
  effort: z.string(),
  token: z.string(),
  url: z.string(),
  mirror: z.string(),
  user: z.object({
    name: z.string(),
    home: z.string(),
    ids: z.object({ uid: z.int(), gid: z.int() }).nullable(),
  }),
  /** The prover runs in a sandbox of its own, which holds nothing of the plan. */
  isolated: z.boolean(),
  /** Folder of root for the full output of every command. */
  logs: z.string(),
})
export type ProofOrder = z.infer<typeof ProofOrder>

export const ToProver = z.discriminatedUnion('kind', [
  ProofOrder,
  z.object({ kind: z.literal('token'), token: z.string() }),
])
export type ToProver = z.infer<typeof ToProver>

export const ProofReport = z.object({ verdict: Verdict, work: Work })
export type ProofReport = z.infer<typeof ProofReport>

export const FromProver = z.discriminatedUnion('kind', [
  HistoryLine,
  z.object({ kind: z.literal('activity') }),
  z.object({ kind: z.literal('report'), report: ProofReport }),
  /** The baseline is measured and written into the order's baselineFile. */
  z.object({ kind: z.literal('measured') }),
])
export type FromProver = z.infer<typeof FromProver>
