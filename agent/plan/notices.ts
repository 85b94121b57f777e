// Collects what the agent tells the model besides its tool results. The loop takes the notices before the next turn. Each text is
// told once.
import type { PlanContext } from './plan-context.ts'

export function tellModel({ notices }: PlanContext, text: string): void {
  if (notices.said.has(text)) return
  notices.said.add(text)
  notices.waiting.push(text)
}

/** Returns the notices since the last call, oldest first. */
export const takeNotices = ({ notices }: PlanContext): string[] => notices.waiting.splice(0)
