// Words of the person on their way to the model. Taken is written down before it is said: after a crash none is said twice.
import type { PlanContext } from './plan-context.ts'

export function takeMessages(plan: PlanContext): string[] {
  const taken = plan.inbox.splice(0)
  for (const { n } of taken) {
    plan.journal.append({ kind: 'taken', n })
    plan.report({ kind: 'taken', n })
  }
  return taken.map(({ text }) => text)
}
