// Why a mutant that nothing catches may live. A key is part of a mutant's own (operator | line | change, as a run prints it), never a
// line number; a reason whose mutant is caught, or gone, is itself a failure of the run.
import type { Mutant } from './copy.ts'
import { STORE_REASONS } from './reasons-store.ts'

export interface Reason {
  file: string
  keys: string[]
  reason: string
}

export const explains = ({ file, keys }: Reason, mutant: Mutant): boolean =>
  mutant.file.endsWith(`/${file}`) && keys.some((key) => mutant.key.includes(` | ${key}`))

export const REASONS: Reason[] = [
  {
    file: 'decisions.ts',
    keys: [
      "term dropped | report.outcome === 'verified' && | report.outcome === 'verified' && report.proof === 'clean_checkout' && plan.pushedHead !== null -> report.outcome === 'verified' && report.proof === 'clean_checkout'",
    ],
    reason: 'equivalent: a head that was not reported is undefined, so a pushedHead of null equals none',
  },
  {
    file: 'decisions.ts',
    keys: ['boundary | return slots > 0 ?'],
    reason: 'equivalent: a slice up to 0 is empty too',
  },
  {
    file: 'run-time.ts',
    keys: [
      'number | const heardMs = Math.max(heardAtMs ?? 0, attemptStartedAtMs',
      '?? dropped | const heardMs = Math.max(heardAtMs ?? 0, attemptStartedAtMs',
    ],
    reason: 'equivalent: null counts as 0 in Math.max, and no attempt began in 1970',
  },
  {
    file: 'run-time.ts',
    keys: ["word | ? { atMs: limitMs, as: 'limit' }", "property dropped | ? { atMs: limitMs, as: 'limit' }"],
    reason: "equivalent: what is not 'silence' is the limit; its name is for the type",
  },
  {
    file: 'grants.ts',
    keys: ['?? dropped | return nowMs - (plan.pausedAtMs ?? 0)'],
    reason: 'equivalent: null counts as 0 in a subtraction; the default is for the types',
  },
  {
    file: 'next-wake.ts',
    keys: [
      'number | const lastRing = supervisor.lastRingAtMs ?? 0',
      '?? dropped | const lastRing = supervisor.lastRingAtMs ?? 0',
      "number | if (workspace.vm.step !== 'ready') times.push(Math.max(workspace.retryAtMs ?? 0, nowMs))",
      "?? dropped | if (workspace.vm.step !== 'ready') times.push(Math.max(workspace.retryAtMs ?? 0, nowMs))",
      '?? dropped | return Math.max((supervisor.lastHeardAtMs ?? 0) + UNHEARD_MS, lastRing + gapMs)',
      'number | times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0)) | 0 -> 1 (2)',
      '?? dropped | times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0)) | workspace.outboxRetryAtMs',
      'number | else if (ring !== null) times.push(Math.max(workspace.retryAtMs ?? 0, ring))',
      '?? dropped | else if (ring !== null) times.push(Math.max(workspace.retryAtMs ?? 0, ring))',
    ],
    reason: 'equivalent: a moment in 1970, or null, is before now, and the later of the two counts',
  },
  {
    file: 'next-wake.ts',
    keys: [
      '?? dropped | if (store.watchedPlans().some(isWaitingForVm)) times.push(workspace.mendAtMs ?? nowMs)',
    ],
    reason: 'equivalent: null counts as 0 in Math.min, and what is overdue is set to now',
  },
  {
    file: 'next-wake.ts',
    keys: [
      'number | times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0)) | 0 -> 1',
      '?? dropped | times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0)) | keptMs',
    ],
    reason: 'equivalent: without keptMs there is nothing to go through; the default is for the types',
  },
  {
    file: 'next-wake.ts',
    keys: ['number | for (const { finishedAtMs } of keptMs === null ? [] : store.finishedPlans(1))'],
    reason: 'equivalent: they come oldest first, and the earliest counts',
  },
  {
    file: 'next-wake.ts',
    keys: [
      'arithmetic | if (!(Math.min(...times) <= nowMs + FOREIGN_LOOK_MS) && store.foreign() > 0)',
      'boundary | if (!(Math.min(...times) <= nowMs + FOREIGN_LOOK_MS) && store.foreign() > 0)',
      'term dropped | if (!(Math.min(...times) <= nowMs + FOREIGN_LOOK_MS) && store.foreign() > 0)',
    ],
    reason: 'equivalent but for reads: a time later than the earliest changes nothing',
  },
  {
    file: 'decisions.ts',
    keys: ['condition false | if (change === null) return null'],
    reason: 'equivalent: what runs can be paused and can fail; the check is for the types',
  },
  {
    file: 'receive-pack.ts',
    keys: [
      'number | const line = (nul < 0 ? text : text.slice(0, nul))',
      "number | if (nul >= 0 || commands.length > 0 || !OID.test(oid)) return malformed('a misplaced shallow line')",
      'boundary | const line = (nul < 0 ? text : text.slice(0, nul))',
      "boundary | if (nul >= 0 || commands.length > 0 || !OID.test(oid)) return malformed('a misplaced shallow line')",
    ],
    reason: 'equivalent: a line that begins with the NUL is no command and no shallow line, cut or not',
  },
  {
    file: 'receive-pack.ts',
    keys: ['?? dropped | const kept = (capabilities ?? []).filter(isKept)'],
    reason: 'equivalent: a command is only taken after a capability list; the default is for the types',
  },
  {
    file: 'receive-pack.ts',
    keys: ['anchor dropped | if (!/^[0-9a-f]{4}$/.test(digits))'],
    reason: 'equivalent: the text is four characters long',
  },
  {
    file: 'receive-pack.ts',
    keys: ["word | const [oldId = '', newId = '', ref = '', ...more] = line.split(' ')"],
    reason: 'equivalent: what stands in for a missing id is no id either',
  },
  {
    file: 'pkt-line.ts',
    keys: [
      'condition false | const length = at + 4 > bytes.byteLength ?',
      'arithmetic | const length = at + 4 > bytes.byteLength ? null : pktLength(bytes.subarray(at, at + 4)) | at + 4 -> at - 4',
    ],
    reason: 'equivalent: fewer than four bytes are no length to pktLength either (the condition could go)',
  },
  {
    file: 'reconcile.ts',
    keys: [
      'number | const MAX_STEPS = 8',
      'number | for (let step = 0; step < MAX_STEPS; step++) {',
      'boundary | for (let step = 0; step < MAX_STEPS; step++) {',
    ],
    reason: 'a guard: no ladder has so many rungs that none of them waits',
  },
  {
    file: 'reconcile.ts',
    keys: ['condition false | if (plan === null) continue'],
    reason: 'equivalent: plans are never deleted; the check is for the types',
  },
  {
    file: 'reconcile.ts',
    keys: [
      'term dropped | if (!vmNeeded(core.store, workspace) || (workspace.retryAtMs !== null && workspace.retryAtMs > core.now())) | workspace.retryAtMs !== null && workspace.retryAtMs > core.now() -> workspace.retryAtMs > core.now()',
    ],
    reason: 'equivalent: null is not later than now',
  },
  {
    file: 'reconcile.ts',
    keys: ['number | if (paceMs > 0) return backOff(core, paceMs, null)', 'number | if (waitMs > 0)'],
    reason: 'a wait of one millisecond: nobody answers with one, and it would make no difference',
  },
  {
    file: 'reconcile.ts',
    keys: [
      'term dropped | if (next === null || next <= core.now() || core.store.linesAreDue(core.now())) return false | next === null',
    ],
    reason: 'equivalent: null is not later than now',
  },
  {
    file: 'reconcile.ts',
    keys: [
      'term dropped | if (!vmNeeded(core.store, workspace) || (workspace.retryAtMs !== null && workspace.retryAtMs > core.now())) | !vmNeeded(core.store, workspace) ||',
      "word | if (workspace.vm.step === 'ready' && !isDue(core)) return",
      "condition false | if (workspace.vm.step === 'ready' && !isDue(core)) return",
    ],
    reason: 'equivalent but for a question to the Account: what follows looks again',
  },
  {
    file: 'reconcile.ts',
    keys: ['condition true | if (isDue(core)) await ring(core, vms)'],
    reason:
      'a bell more to a machine that has just come up: it carries no truth and is answered by one more sync',
  },
  {
    file: 'reconcile.ts',
    keys: ['condition false | if (waitMs === null) break'],
    reason:
      'equivalent but for time: the ladder of a ready machine answers at once, and the bell follows after eight looks',
  },
  {
    file: 'reconcile.ts',
    keys: ['condition false | if (!(error instanceof VmError)) return backOff(core, null, error)'],
    reason:
      'equivalent: an error that is none of Orgo has no code of Orgo, and comes to the same backOff; the check is for the types',
  },
  {
    file: 'reconcile.ts',
    keys: ["term dropped | if (vm.step === 'ready' && vm.id !== null && "],
    reason: 'equivalent: a ready machine has an id; the check is for the types',
  },
  {
    file: 'reconcile.ts',
    keys: [
      "?? dropped | if (error.code === 'rate_limited') await core.account().noteRateLimit(error.retryAfterMs ?? null)",
      '?? dropped | backOff(core, error.retryAfterMs ?? null, error)',
    ],
    reason: 'equivalent: undefined is asked for by ?? like null; the default is for the types',
  },
  ...STORE_REASONS,
]
