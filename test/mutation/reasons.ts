// Why a mutant that nothing catches may live. A key is part of a mutant's own (operator | line | change, as a run prints it), never a
// line number; a reason whose mutant is caught, or gone, is itself a failure of the run.
import type { Mutant } from './copy.ts'

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
    file: 'grants.ts',
    keys: ['?? dropped | return nowMs - (plan.pausedAtMs ?? 0)'],
    reason: 'equivalent: null counts as 0 in a subtraction; the default is for the types',
  },
  {
    file: 'pace.ts',
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
    file: 'pace.ts',
    keys: [
      '?? dropped | if (!store.outboxIsEmpty()) times.push(workspace.outboxRetryAtMs ?? nowMs)',
      '?? dropped | if (store.watchedPlans().some(isWaitingForVm)) times.push(workspace.mendAtMs ?? nowMs)',
    ],
    reason: 'equivalent: null counts as 0 in Math.min, and what is overdue is set to now',
  },
  {
    file: 'pace.ts',
    keys: [
      'number | times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0)) | 0 -> 1',
      '?? dropped | times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0)) | keptMs',
    ],
    reason: 'equivalent: without keptMs there is nothing to go through; the default is for the types',
  },
  {
    file: 'pace.ts',
    keys: ['number | for (const { finishedAtMs } of keptMs === null ? [] : store.finishedPlans(1))'],
    reason: 'equivalent: they come oldest first, and the earliest counts',
  },
  {
    file: 'pace.ts',
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
    file: 'store.ts',
    keys: [
      'number | )?.at ?? 0',
      "?? dropped | first<{ at: number | null }>( | first<{ at: number | null }>( \"SELECT json_extract(record, '$.supervisor.lastHeardAtMs')",
      'number | if ((now.supervisor.lastHeardAtMs ?? 0) - savedAtMs >= KEEP_LIVENESS_MS)',
      '?? dropped | if ((now.supervisor.lastHeardAtMs ?? 0) - savedAtMs >= KEEP_LIVENESS_MS)',
    ],
    reason:
      'equivalent: null counts as 0 in a subtraction, and a millisecond of 1970 is as far from now as its beginning',
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
    file: 'store.ts',
    keys: [
      "SQL ORDER dropped | return rows<{ record: string }>('SELECT record FROM plans WHERE watched = 1 ORDER BY ord')",
      "SQL ORDER dropped | \"SELECT record FROM plans WHERE json_extract(record, '$.mergeStatus') IN ('open', 'closed') ORDER BY ord\",",
      "SQL ORDER dropped | 'SELECT n, text FROM messages WHERE plan = ? AND n > ? ORDER BY n',",
    ],
    reason: 'equivalent as SQLite scans today: rows are only added, and come in the order they were',
  },
  {
    file: 'store-history.ts',
    keys: [
      "SQL ORDER dropped | 'SELECT seq, at, type, text, data FROM events WHERE plan = ? AND seq > ? ORDER BY seq LIMIT ?',",
      'SQL ORDER dropped | `SELECT seq, at, type, text, data FROM events WHERE plan = ? AND json_type(data,',
    ],
    reason: 'equivalent as SQLite scans today: the rows lie in this order',
  },
  {
    file: 'store.ts',
    keys: [
      "SQL number | const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1",
    ],
    reason: 'equivalent: only the order of two ords counts',
  },
  {
    file: 'store.ts',
    keys: [
      "number | const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1",
      "?? dropped | const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1",
      'number | ?.next ?? 1 | 1 -> 2',
      "?? dropped | first<{ next: number }>('SELECT COALESCE(MAX(n), 0) + 1 AS next FROM messages WHERE plan = ?', planId)",
      'number | first<{ usd: number }>("SELECT TOTAL(json_extract(record, \'$.spentUsd\')) AS usd FROM plans")?.usd ?? 0',
      '?? dropped | first<{ usd: number }>("SELECT TOTAL(json_extract(record, \'$.spentUsd\')) AS usd FROM plans")?.usd ?? 0',
    ],
    reason: 'equivalent: an aggregate always answers a row; the default is for the types',
  },
  {
    file: 'store-history.ts',
    keys: [
      'number | ?.next ?? 1 | 1 -> 2',
      "?? dropped | first<{ next: number }>('SELECT COALESCE(MAX(seq), 0) + 1 AS next FROM events WHERE plan = ?', planId)",
      'number | ?.seq ?? 0 | 0 -> 1',
      "?? dropped | first<{ seq: number }>('SELECT COALESCE(MAX(seq), 0) AS seq FROM events WHERE plan = ?', planId)",
      "?? dropped | return first<{ due: number | null }>('SELECT MIN(due) AS due FROM notifications')?.due ?? null",
    ],
    reason: 'equivalent: an aggregate always answers a row; the default is for the types',
  },
  {
    file: 'store.ts',
    keys: [
      "SQL number | 'INSERT INTO plans (id, ord, status, watched, revision, record) VALUES (?, ?, ?, 1, 0, ?)'",
    ],
    reason: 'equivalent: both columns are written over by savePlan in the same block',
  },
  {
    file: 'store-history.ts',
    keys: [
      'condition false | const data = event.data === undefined ? null : JSON.stringify(redactAll(event.data))',
    ],
    reason: 'equivalent: undefined is stored as NULL too',
  },
  {
    file: 'store-history.ts',
    keys: [
      'number | return store.events(planId, seq - 1, 1).find((event) => event.seq === seq) | 1 -> 2 (2)',
      "SQL LIMIT widened | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs) !== undefined)",
      "SQL number | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs) !== undefined)",
    ],
    reason: 'equivalent: one row more is read and not looked at, or its content is not',
  },
  {
    file: 'store-history.ts',
    keys: [
      "number | return sql.exec('INSERT OR IGNORE INTO deliveries (id, at) VALUES (?, ?)', id, atMs).rowsWritten > 0 | 0 -> 1",
    ],
    reason: 'equivalent: a row and the entry of its key are two rows written',
  },
  {
    file: 'store-history.ts',
    keys: [
      'number | lastN: Math.max(past?.lastN ?? 0, lines?.lastN ?? 0), | 0 -> 1 (2)',
      '?? dropped | lastN: Math.max(past?.lastN ?? 0, lines?.lastN ?? 0), | lines?.lastN',
      'number | kept: Math.max(past?.kept ?? 0, lines?.kept ?? 0), | 0 -> 1 (2)',
      '?? dropped | kept: Math.max(past?.kept ?? 0, lines?.kept ?? 0), | lines?.kept',
    ],
    reason: 'equivalent: an aggregate always answers a row; the default is for the types',
  },
  {
    file: 'store-history.ts',
    keys: ['boundary | if (kept <= MAX_EVENTS_PER_ATTEMPT || lastN === before.lastN) return lastN'],
    reason: 'equivalent: at the cap itself the table says what the lines say',
  },
  {
    file: 'store-history.ts',
    keys: [
      'statement dropped | sources.set(`${planId} ${attempt}`, source)',
      "SQL boundary | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs)",
      "SQL WHERE dropped | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs)",
      "condition true | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs)",
    ],
    reason: 'equivalent but for reads, or for a write that changes no row',
  },
  {
    file: 'store-outbox.ts',
    keys: [
      'SQL LIMIT widened | return first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) LIMIT 1`)',
      'SQL number | return first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) LIMIT 1`)',
      'SQL LIMIT widened | first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) AND kind',
      'SQL number | first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) AND kind',
    ],
    reason: 'equivalent: one row more is read and not looked at, or its content is not',
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
      "?? dropped | if (error.code === 'rate_limited') await account(core).noteRateLimit(error.retryAfterMs ?? null)",
      '?? dropped | backOff(core, error.retryAfterMs ?? null, error)',
    ],
    reason: 'equivalent: undefined is asked for by ?? like null; the default is for the types',
  },
]
