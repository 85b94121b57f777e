// The second unix user of a plan: a fresh home and nothing of the plan's own user, made for one proof and removed after it.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Paths } from '../machine/paths.ts'
import { planEnv, writeHome } from './environment.ts'
import { run } from '../machine/process.ts'
import { addUser, dropUser, emptyShared, findByName, killPlan } from './users.ts'
import type { PlanUser } from './users.ts'

const ROOT_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
const EMPTY_TIMEOUT_MS = 5 * 60_000

const proverName = (planId: string): string => `proof-${planId.slice(-12)}`
/** What the processes of a proof carry in RALPH_PLAN: never mistaken for the plan's own. */
export const proofMark = (planId: string): string => `proof-${planId}`
export const proofCheckout = (user: PlanUser): string => join(user.home, 'checkout')

/** A user nobody has used before. Errors: throws with useradd's words. */
export async function makeProver(paths: Paths, planId: string, mayAdd: boolean): Promise<PlanUser> {
  await removeProver(paths, planId, mayAdd)
  return addUser(paths, proverName(planId), mayAdd, [])
}

/** Kills its processes and deletes all that is its own; without a prover nothing happens. */
export async function removeProver(paths: Paths, planId: string, mayAdd: boolean): Promise<void> {
  const user = findByName(paths, proverName(planId), mayAdd)
  if (user !== null) await dropUser(user, proofMark(planId), [])
}

/** The home as on the first day, with an empty checkout folder: what ran before left nothing. Returns the environment for it. */
export async function freshHome(user: PlanUser, planId: string, mirror: string): Promise<NodeJS.ProcessEnv> {
  await killPlan(user, proofMark(planId))
  // As the user itself: root opens nothing in a folder a stranger may have filled.
  await run('find', [user.home, '-mindepth', '1', '-delete'], {
    ...user.ids,
    env: ROOT_ENV,
    cwd: '/',
    timeoutMs: EMPTY_TIMEOUT_MS,
  })
  await emptyShared(user)
  writeHome(user.home, mirror)
  mkdirSync(proofCheckout(user), { mode: 0o700 })
  if (user.ids !== null)
    // Nothing of the user's runs yet: what stands there is ours.
    await run('chown', ['-R', '-h', `${user.ids.uid}:${user.ids.gid}`, user.home], {
      env: ROOT_ENV,
      cwd: '/',
      timeoutMs: EMPTY_TIMEOUT_MS,
    })
  return planEnv({
    home: user.home,
    user: user.name,
    path: process.env['PATH'],
    planId: proofMark(planId),
    uid: user.ids?.uid,
  })
}
