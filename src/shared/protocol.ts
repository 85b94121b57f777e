// The contract between the Worker and the agent on the VM: everything that crosses POST /vm/sync, typed on both ends. Protocol
// versions n and n-1 are both understood: a field is only ever added, and a new field is optional.
import * as z from 'zod'
import { LookFirst, TestsReport } from './results.ts'
import { CheckState, OnQuestion, Outcome, OutcomeReason, Phase, Proof, VmPauseReason } from './words.ts'

export const PROTOCOL_VERSION = 1

/** At most this many plan text bytes travel in one sync answer; the supervisor asks again for the rest. */
export const MAX_TEXT_BYTES_PER_SYNC = 1_000_000
/** At most this many events of one plan travel in one sync request. */
export const MAX_EVENTS_PER_SYNC = 100
/** Longest text of one event; the VM cuts, the Worker refuses longer ones. */
export const MAX_EVENT_TEXT = 2_000

export const PlanId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
export const ObjectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)

/** One line that a plan's process reports. (attempt, n) identifies it, so a repeated line is taken once. n counts from 1. */
export const EventLine = z.object({
  n: z.int().min(1),
  atMs: z.int().min(0),
  type: z.string().regex(/^[a-z][a-z_]{0,39}$/),
  text: z.string().max(MAX_EVENT_TEXT),
  data: z.record(z.string(), z.json()).optional(),
})
export type EventLine = z.infer<typeof EventLine>

/** `state`, `base` and `flaky` are not sent by older agents. A state of a newer agent counts as not sent. */
export const CheckResult = z.object({
  command: z.string().max(2_000),
  exitCode: z.int(),
  seconds: z.number().min(0),
  newFailure: z.boolean(),
  state: CheckState.optional().catch(undefined),
  /** How the same check ended at the base; null when it was not run there. */
  base: z.object({ state: CheckState, exitCode: z.int() }).nullable().optional().catch(undefined),
  /** The check was run twice at the same head, and its two runs ended differently. */
  flaky: z.boolean().optional(),
})
export type CheckResult = z.infer<typeof CheckResult>

/** Returns the check with every field. What an older agent did not send is derived from the exit code, or unknown. */
export function wholeCheck(check: CheckResult) {
  const { command, exitCode, seconds, newFailure, state, base = null, flaky = false } = check
  const derived: CheckState = exitCode === 0 ? 'passed' : 'failed'
  return { command, state: state ?? derived, exitCode, seconds, base, flaky, newFailure }
}

/** What the work amounts to, as the VM reports it: a claim. The heads that count come from the gateway. */
export const Work = z.object({
  head: ObjectId.optional(),
  baseHead: ObjectId.optional(),
  commits: z.array(z.object({ sha: ObjectId, subject: z.string().max(300) })).max(100),
  diff: z.object({ files: z.int().min(0), additions: z.int().min(0), deletions: z.int().min(0) }),
  checks: z.array(CheckResult).max(50),
})
export type Work = z.infer<typeof Work>

/** A reason that only a newer agent knows is left out, so that its end still counts. */
const Reasons = z
  .array(z.string())
  .transform((words) => words.flatMap((word) => OutcomeReason.options.filter((reason) => reason === word)))

/** How an attempt ended on the VM. `stopped` answers a wish to stop: no process of the plan's user is left. */
export const AttemptEnd = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('completed'),
    summary: z.string().max(8_000),
    outcome: Outcome,
    reasons: Reasons,
    proof: Proof,
    work: Work,
    tests: TestsReport.optional(),
    lookFirst: LookFirst.optional(),
  }),
  z.object({
    kind: z.literal('paused'),
    reason: VmPauseReason,
    detail: z.string().max(2_000),
    question: z.string().max(8_000).optional(),
    work: Work,
  }),
  z.object({ kind: z.literal('failed'), error: z.string().max(2_000), work: Work }),
  z.object({ kind: z.literal('stopped'), work: Work }),
])
export type AttemptEnd = z.infer<typeof AttemptEnd>

/** A plan as the supervisor sees it. `activity` grows with every sign of life of its process. */
export const ObservedPlan = z.object({
  id: PlanId,
  attempt: z.int().min(1),
  status: z.enum(['waiting', 'running', 'ended']),
  phase: Phase.optional(),
  activity: z.int().min(0),
  messagesTaken: z.int().min(0),
  events: z.array(EventLine).max(MAX_EVENTS_PER_SYNC),
  end: AttemptEnd.optional(),
})
export type ObservedPlan = z.infer<typeof ObservedPlan>

/** Body of POST /vm/sync. Bearer: the VM key. */
export const SyncRequest = z.object({
  protocol: z.int().min(1),
  /** The nonce of the last doorbell that was heard. It came through Orgo, so a clone of this disk does not know it. */
  nonce: z.string().max(64),
  bootId: z.string().max(64),
  /** Grows with each sync of this boot and never goes back: the sign of life. */
  counter: z.int().min(0),
  agentSha256: z.string().max(64),
  /** False where useradd fails: the Worker then runs one plan at a time and says so. */
  canAddUsers: z.boolean(),
  freeDiskMb: z.int().min(0).optional(),
  /** The newest `revision` this supervisor has applied. */
  revision: z.int().min(0),
  plans: z.array(ObservedPlan).max(50),
  /** Plans whose text the supervisor lacks. */
  wantTexts: z.array(PlanId).max(50),
  /** Lines a person added to tasks.md by hand. `ref` is made once per line, so a repeated line makes no second plan. */
  adopted: z.array(z.object({ ref: z.string().max(64), text: z.string().min(1).max(100_000) })).max(10),
  mirrorError: z.string().max(2_000).optional(),
})
export type SyncRequest = z.infer<typeof SyncRequest>

/** A plan as it should be. */
export const DesiredPlan = z.object({
  id: PlanId,
  attempt: z.int().min(1),
  /** run: have one process working on this attempt. stop: kill it, keep the work, report `stopped`. forget: stop reporting it. */
  want: z.enum(['run', 'stop', 'forget']),
  /** Ticks the line in tasks.md. */
  final: z.boolean(),
  /** The checkout may be deleted: the branch was merged. */
  removeCheckout: z.boolean(),
  title: z.string(),
  branch: z.string(),
  /** Name of the branch the work starts from. */
  base: z.string(),
  setup: z.string().optional(),
  checks: z.array(z.string()),
  model: z.string(),
  effort: z.string(),
  onQuestion: OnQuestion,
  budgetUsd: z.number(),
  /** SHA-256 (hex) of the text's UTF-8 bytes; the text itself comes in `texts`. */
  textSha256: z.string(),
  /** Opens the git and model gateways for this attempt; absent unless want is run. */
  planToken: z.string().optional(),
  /** The last heads the gateway saw this plan push to its branch and to refs/agent/{id}. */
  pushedHead: ObjectId.optional(),
  checkpointHead: ObjectId.optional(),
  /** Milliseconds between two checkpoints. Optional, because an older agent has its own default. */
  checkpointMs: z.int().min(1).optional(),
  /** How long the attempt may work, in milliseconds. */
  workMs: z.int().min(1).optional(),
  messages: z.array(z.object({ n: z.int().min(1), text: z.string() })),
  /** The highest event n of this attempt that the Worker has stored: everything up to it may be dropped. */
  ackedEvent: z.int().min(0),
})
export type DesiredPlan = z.infer<typeof DesiredPlan>

/** Answer of POST /vm/sync. */
export const SyncResponse = z.object({
  protocol: z.int().min(1),
  /** Never goes back. An answer older than one already applied is dropped, so a late answer cannot undo a cancel. */
  revision: z.int().min(0),
  plans: z.array(DesiredPlan),
  texts: z.array(z.object({ id: PlanId, text: z.string() })),
  adopted: z.array(z.object({ ref: z.string(), id: PlanId, title: z.string() })),
  /** SHA-256 (hex) of the ralph.mjs this Worker serves. The agent is replaced between plans, never under a running one. */
  agentSha256: z.string(),
  refreshMirror: z.boolean(),
  /** null: nothing is open, wait for the next doorbell. */
  nextSyncMs: z.int().min(0).nullable(),
})
export type SyncResponse = z.infer<typeof SyncResponse>

/** The one line that `ralph doorbell {nonce}` prints. */
export const DoorbellStatus = z.object({
  ralph: z.literal(1),
  bootId: z.string().max(64),
  counter: z.int().min(0),
  agentSha256: z.string().max(64),
  supervisor: z.enum(['started', 'running']),
})
export type DoorbellStatus = z.infer<typeof DoorbellStatus>

/** The state that bootstrap.sh keeps in ~/.ralph/boot/status; each Orgo call of a bootstrap only reads it. */
export const BootStatus = z.object({
  step: z.enum([
    'none',
    'start',
    'disk',
    'network',
    'git',
    'node',
    'ralph',
    'key',
    'users',
    'mirror',
    'supervisor',
    'done',
  ]),
  error: z.string().max(2_000).nullable(),
})
export type BootStatus = z.infer<typeof BootStatus>

/** Answer of POST /vm/key, which exchanges the one-time bootstrap ticket (as bearer) for the key a VM keeps. */
export const VmKeyResponse = z.object({ vmKey: z.string(), workspace: z.string() })
export type VmKeyResponse = z.infer<typeof VmKeyResponse>

/** Sent with each answer of the model: the share of the plan's budget that was used before it, 0 to 1. */
export const BUDGET_USED_HEADER = 'plan-budget-used'

/** Typed refusals of the gateway, in the model API's own error shape: `{type: 'error', error: {type, message}}`. */
export const GatewayErrorType = z.enum([
  'budget_exceeded',
  'monthly_budget_exceeded',
  'token_expired',
  'token_revoked',
  'request_refused',
])
export type GatewayErrorType = z.infer<typeof GatewayErrorType>

/** Size of a page of a diff as JSON: 6,000 to 8,000 tokens, so that the whole answer of plan_diff stays below 10,000. */
export const MAX_DIFF_PAGE_BYTES = 24_000
/** A longer diff (24 MB) loses its end, and the totals say so. */
export const MAX_DIFF_PAGES = 1_000
export const MAX_DIFF_PAGES_PER_UPLOAD = 20

/** One hunk. A hunk longer than a page comes in parts, whose texts joined together are the hunk's. */
export const DiffHunk = z.object({
  /** `@@ -1,3 +1,4 @@ function x` */
  header: z.string().max(500),
  /** Lines as git prints them, each with its ' ', '+', '-' or '\\', joined by line feeds. */
  text: z.string(),
  part: z.int().min(1).optional(),
  parts: z.int().min(2).optional(),
  /** Number of lines that were cut because of their length. */
  clippedLines: z.int().min(1).optional(),
})
export type DiffHunk = z.infer<typeof DiffHunk>

/** One file of a page. A file that spans several pages appears on each, with other hunks. */
export const DiffFile = z.object({
  path: z.string().min(1).max(1_100),
  /** The old path of a renamed or copied file. */
  oldPath: z.string().min(1).max(1_100).optional(),
  status: z.enum(['added', 'deleted', 'modified', 'renamed', 'copied']),
  binary: z.boolean().optional(),
  /** Permissions or kind, when they changed: `100644 -> 100755`. */
  mode: z.string().max(40).optional(),
  hunks: z.array(DiffHunk),
})
export type DiffFile = z.infer<typeof DiffFile>

export const DiffTotals = z.object({
  files: z.int().min(0),
  additions: z.int().min(0),
  deletions: z.int().min(0),
  /** Number of files that the pages do not show, or not to their end, because the diff is over the cap. */
  omittedFiles: z.int().min(0),
})
export type DiffTotals = z.infer<typeof DiffTotals>

/** Body of POST /vm/diff (bearer: the plan token), right after a push. Pages are counted from 0 and come in order. */
export const DiffUpload = z.object({
  head: ObjectId,
  base: ObjectId.optional(),
  first: z.int().min(0).max(MAX_DIFF_PAGES),
  pages: z.array(z.array(DiffFile)).max(MAX_DIFF_PAGES_PER_UPLOAD),
  /** Comes with the last pages; from then on plan_diff shows them. */
  totals: DiffTotals.optional(),
})
export type DiffUpload = z.infer<typeof DiffUpload>
