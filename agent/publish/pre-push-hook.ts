// `ralph check-push HOME`, the checkout's pre-push hook. It checks the model's own pushes as ours. Git shows what it prints.
import { join } from 'node:path'
import { z } from 'zod'
import { readIfPresent, readJson, writeDurably } from '../machine/durable.ts'
import { createGit } from '../git/git.ts'
import { cleanCommits } from './clean-history.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { describeTooLarge } from './push-size.ts'
import { describeHeld, rulesFor } from './hold-back.ts'
import { tokenConfigFile } from '../plan/token.ts'

const Rules = z.object({
  allowed: z.object({ workflows: z.boolean(), text: z.string() }),
  baseHead: z.string().nullable(),
  branch: z.string(),
  mirror: z.string().default(''), // rules of an older agent have none
})

const rulesFile = (home: string): string => join(home, '.ralph/push-rules.json')

/** Saves the plan's rules to a file for the hook, which runs in a process of its own. */
export function saveRules(plan: PlanContext): void {
  const { allowed, baseHead, mirror } = rulesFor(plan)
  writeDurably(rulesFile(plan.home), JSON.stringify({ allowed, baseHead, mirror, branch: plan.start.branch }))
}

/** Returns '' when the push may go on, else the reason and what to do. */
export async function checkPush(home: string): Promise<string> {
  const rules = Rules.parse(readJson(rulesFile(home)))
  const token = /Bearer (\S+?)"/.exec(readIfPresent(tokenConfigFile(home)) ?? '')?.[1]
  // Git sets GIT_ variables for a hook. They are removed, because our own git calls must find the checkout by themselves.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')))
  const known = token === undefined ? [] : [token]
  const git = createGit(process.cwd(), env)
  const { held } = await cleanCommits(git, home, { ...rules, known })
  return held.length === 0
    ? describeTooLarge(git, rules.branch)
    : `This is not pushed, because of what its commits hold:\n${describeHeld(held)}\nTake it out of the commits themselves (a later commit leaves it in the history), then push again.`
}
