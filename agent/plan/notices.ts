// What the harness has to tell the model beside its tool results: taken by the loop before the next turn. Each thing once.
import type { PlanContext } from './plan-context.ts'

interface Notices {
  waiting: string[]
  said: Set<string>
}

const notices = new WeakMap<PlanContext, Notices>()

export function notify(plan: PlanContext, text: string): void {
  const own = noticesOf(plan)
  if (own.said.has(text)) return
  own.said.add(text)
  own.waiting.push(text)
}

/** What has come since it was last asked, oldest first. */
export const takeNotices = (plan: PlanContext): string[] => noticesOf(plan).waiting.splice(0)

function noticesOf(plan: PlanContext): Notices {
  const own = notices.get(plan) ?? { waiting: [], said: new Set<string>() }
  notices.set(plan, own)
  return own
}
