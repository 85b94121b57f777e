// The diff of a plan's pushed work, which the VM uploads right after the push (docs/adr/0004). It is the VM's claim: it is kept
// under the head it names, and shown only while that is the head the gateway saw pushed. It can be read while the VM sleeps.
import type { PlanClaims } from '../../auth/vm-token.ts'
import { MAX_DIFF_PAGES } from '../../shared/protocol.ts'
import type { DiffUpload } from '../../shared/protocol.ts'
import { requirePlan, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { grant } from '../leases/grants.ts'
import type { DiffRefusal, PlanDiff, PlanDiffOptions } from '../contract.ts'

/** Five full uploads in the life of a plan; after that only shorter ones fit. */
const MAX_PAGES_WRITTEN = 5 * MAX_DIFF_PAGES

/** Stores pages in order. Returns null, or why not: the plan may not push any more, the order is broken, or it uploaded too much. */
export function storeDiff(core: Core, claims: PlanClaims, upload: DiffUpload): DiffRefusal | null {
  if (!core.exists()) return 'unknown_workspace'
  const workspace = requireWorkspace(core)
  if (workspace.name !== claims.workspace) return 'unknown_workspace'
  const plan = core.store.plan(claims.plan)
  const granted = grant({
    workspace,
    plan,
    claims,
    intent: { kind: 'git_push_discover' },
    openLeases: [],
    nowMs: core.now(),
  })
  if (!granted.ok) return granted.reason
  const known = core.store.diffs(claims.plan)
  const same = known.find(({ head }) => head === upload.head)
  // The diff was uploaded before: a repeat after a crash changes nothing.
  if (same !== undefined && same.totals !== null) return null
  const isStart = upload.first === 0
  if (!isStart && same?.pages !== upload.first) return 'diff_out_of_order'
  const written = Math.max(0, ...known.map((diff) => diff.written)) + upload.pages.length
  const pages = upload.first + upload.pages.length
  if (written > MAX_PAGES_WRITTEN || pages > MAX_DIFF_PAGES) return 'diff_too_long'
  for (const [index, files] of upload.pages.entries())
    core.store.addDiffPage(claims.plan, upload.head, upload.first + index, files)
  core.store.saveDiff(claims.plan, {
    head: upload.head,
    base: upload.base ?? null,
    pages,
    totals: upload.totals ?? null,
    written,
  })
  // Keeps the upload that is shown and the one under way; all others are dropped.
  const shown = known.find((diff) => diff.totals !== null)?.head
  const isOver = upload.totals !== undefined || shown === undefined
  core.store.dropOtherDiffs(claims.plan, isOver ? [upload.head] : [upload.head, shown])
  return null
}

export function planDiff(core: Core, planId: string, { from, path }: PlanDiffOptions): PlanDiff {
  const plan = requirePlan(core, planId)
  const { status, mergeStatus, branch, pushedHead } = plan
  const about = { status, mergeStatus, branch, base: plan.base, pushedHead }
  const diff = core.store.diffs(planId).find(({ head, totals }) => head === pushedHead && totals !== null)
  if (diff === undefined || diff.totals === null) return { ...about, diff: null }
  const { head, base, totals } = diff
  if (from !== null && !head.startsWith(from.head)) return { ...about, diff: null, moved: true }
  const page = core.store.diffPage(planId, head, from?.page ?? 0, path)
  const next = page === null ? null : core.store.diffPage(planId, head, page.n + 1, path)
  const isMeant = (name: string | undefined) =>
    path === null || (name !== undefined && (name === path || name.startsWith(`${path}/`)))
  return {
    ...about,
    diff: {
      head,
      base,
      totals,
      files: (page?.files ?? []).filter((file) => isMeant(file.path) || isMeant(file.oldPath)),
      nextPage: next?.n ?? null,
    },
  }
}
