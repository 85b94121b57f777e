// Streams the exported record of a plan: first the facts, then the events page by page as the reader takes them. So a long history needs
// neither much memory nor one large answer. Events that come later are left out: `event_count` is read first.
import { requirePlan, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { toExport, toExportEvent } from './plan-record.ts'

const EVENTS_PER_PIECE = 100

export function planExport(core: Core, planId: string): ReadableStream<Uint8Array> {
  const plan = requirePlan(core, planId)
  const eventCount = core.store.newestEvent(planId)
  const diff = core.store.diffs(planId).find(({ head }) => head === plan.pushedHead)
  const facts = toExport({
    workspace: requireWorkspace(core),
    plan,
    text: core.store.text(planId),
    diffBase: diff?.base ?? null,
    stateEvents: core.store.stateEvents(planId),
    eventCount,
    nowMs: core.now(),
  })
  const encoder = new TextEncoder()
  let piece = `${JSON.stringify(facts).slice(0, -1)},"events":[`
  let sent = 0
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      if (sent < eventCount) {
        const limit = Math.min(EVENTS_PER_PIECE, eventCount - sent)
        const events = core.store.events(planId, sent, limit)
        // A document that is cut short is invalid JSON, so its reader notices.
        if (events.length < limit) throw new Error(`events of ${planId} were erased while it was exported`)
        piece += `${sent === 0 ? '' : ','}\n${events.map((event) => JSON.stringify(toExportEvent(event))).join(',\n')}`
        sent += limit
      }
      if (sent === eventCount) piece += '\n]}\n'
      controller.enqueue(encoder.encode(piece))
      piece = ''
      if (sent === eventCount) controller.close()
    },
  })
}
