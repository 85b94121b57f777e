// The monthly budget. The Account keeps one row per workspace that says what it may spend. The workspace asks for a little more than it
// needs, so that most calls need no question, and gives the rest back when nothing runs. Amounts are absolute, so a question that is
// repeated, or whose answer was lost, changes nothing.
import { utcMonth } from '../../lib/ids.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import type { MonthRecord } from '../records/records.ts'

/**
 * Returns ok when a call of this worst case may be made. The call counts as open until the caller calls `done`, after storing its lease.
 */
export async function reserveMonth(
  core: Core,
  worstCaseUsd: number,
): Promise<{ ok: boolean; done: () => void }> {
  const month = thisMonth(core)
  const usedUsd = used(core, month)
  // This is added before anything is awaited, because calls at the same time must not all take the same remaining amount.
  core.asked.usd += worstCaseUsd
  const done = () => void (core.asked.usd -= worstCaseUsd)
  if (usedUsd + worstCaseUsd <= month.grantedUsd) return { ok: true, done }
  try {
    const answer = await core.account().grantMonth({
      workspace: requireWorkspace(core).name,
      usedUsd,
      worstCaseUsd,
      nowMs: core.now(),
      limitUsd: core.settings().monthlyBudgetUsd,
    })
    if (answer.ok) raiseGrant(core, month.name, answer.grantedUsd)
    if (!answer.ok) done()
    return { ok: answer.ok, done }
  } catch (error) {
    done()
    throw error
  }
}

/** Tells the Account that a call cost more than its worst case, so that other workspaces know. */
export async function reportMonth(core: Core): Promise<void> {
  const month = thisMonth(core)
  const usedUsd = used(core, month)
  if (usedUsd <= month.grantedUsd) return
  const { grantedUsd } = await core.account().grantMonth({
    workspace: requireWorkspace(core).name,
    usedUsd,
    worstCaseUsd: 0,
    nowMs: core.now(),
    limitUsd: Infinity,
  })
  raiseGrant(core, month.name, grantedUsd)
}

/** A step of the alarm: while nothing runs, returns the unused amount to the other workspaces. */
export async function returnMonth(core: Core): Promise<void> {
  const { month, name } = requireWorkspace(core)
  if (month.name !== utcMonth(core.now()) || core.store.plansByStatus('running').length > 0) return
  const toUsd = used(core, month)
  const fromUsd = month.heldUsd ?? month.grantedUsd
  if (core.asked.usd > 0 || toUsd >= fromUsd) return
  // Lower our grant before telling the Account, so a concurrent call must ask again.
  changeMonth(core, month.name, (now) =>
    Object.assign(now, { grantedUsd: Math.min(now.grantedUsd, toUsd), heldUsd: fromUsd }),
  )
  await core.account().returnMonth({ workspace: name, month: month.name, fromUsd, toUsd })
  changeMonth(core, month.name, (now) => {
    if (now.heldUsd === fromUsd) delete now.heldUsd
  })
}

function raiseGrant(core: Core, name: string, grantedUsd: number): void {
  changeMonth(core, name, (month) => {
    month.grantedUsd = Math.max(month.grantedUsd, grantedUsd)
    delete month.heldUsd
  })
}

function changeMonth(core: Core, name: string, change: (month: MonthRecord) => void): void {
  core.store.changeWorkspace(({ month }) => {
    if (month.name === name) change(month)
  })
}

/** Returns the current month's record; a new month starts with what was spent before it. */
function thisMonth(core: Core): MonthRecord {
  const { month } = requireWorkspace(core)
  const name = utcMonth(core.now())
  if (month.name === name) return month
  const begun = { name, baseUsd: core.store.spentUsd(), grantedUsd: 0 }
  core.store.changeWorkspace((workspace) => void (workspace.month = begun))
  return begun
}

function used(core: Core, month: MonthRecord): number {
  const openUsd = core.store
    .leases()
    .filter(({ kind }) => kind === 'model')
    .reduce((sum, { worstCaseUsd }) => sum + worstCaseUsd, 0)
  return core.store.spentUsd() - month.baseUsd + openUsd + core.asked.usd
}
