// What the harness has to tell the model beside its tool results: taken by the loop before the next turn. Each thing once.
import type { PlanContext } from './plan-context.ts'

export function tellModel({ notices }: PlanContext, text: string): void {
  if (notices.said.has(text)) return
  notices.said.add(text)
  notices.waiting.push(text)
}

/** What has come since it was last asked, oldest first. */
export const takeNotices = ({ notices }: PlanContext): string[] => notices.waiting.splice(0)
