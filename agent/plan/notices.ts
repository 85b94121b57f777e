// What the model is told between its turns: notices of the agent, each text once, and the person's messages.
import type { PlanContext } from './plan-context.ts'

export function tellModel({ notices }: PlanContext, text: string): void {
  if (notices.said.has(text)) return
  notices.said.add(text)
  notices.waiting.push(text)
}

/** Returns the notices since the last call, oldest first. */
export const takeNotices = ({ notices }: PlanContext): string[] => notices.waiting.splice(0)

/** Takes the person's messages. Each is recorded as taken first, so that none is told twice after a crash. */
export function takeMessages(plan: PlanContext): string[] {
  const taken = plan.inbox.splice(0)
  for (const { n } of taken) {
    plan.journal.append({ kind: 'taken', n })
    plan.report({ kind: 'taken', n })
  }
  return taken.map(({ text }) => text)
}
