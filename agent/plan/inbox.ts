// Takes the person's messages for the model. Each is recorded as taken before the model gets it, so that no message is told twice
// after a crash.
import type { PlanContext } from './plan-context.ts'

export function takeMessages(plan: PlanContext): string[] {
  const taken = plan.inbox.splice(0)
  for (const { n } of taken) {
    plan.journal.append({ kind: 'taken', n })
    plan.report({ kind: 'taken', n })
  }
  return taken.map(({ text }) => text)
}
