// What all commands of a plan's process in its checkout share.
import type { PlanContext } from '../plan/plan-context.ts'

export function shellOf({ start, env, report }: PlanContext) {
  return { cwd: start.checkout, env, onActivity: () => report({ kind: 'activity' }) }
}
