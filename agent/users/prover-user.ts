// Makes and removes the second unix user of a plan, which runs one proof. It shares nothing with the plan's user.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Paths } from '../machine/paths.ts'
import { planEnv, writeHome } from './environment.ts'
import { ROOT_ENV, run } from '../machine/process.ts'
import { addUser, dropUser, emptyShared, findByName, killPlan } from './users.ts'
import type { PlanUser } from './users.ts'

const EMPTY_TIMEOUT_MS = 5 * 60_000

const proverName = (planId: string): string => `proof-${planId.slice(-12)}`
/** Value of RALPH_PLAN in a proof's processes. It differs from the plan's id, so they are not taken for the plan's own. */
export const proofMark = (planId: string): string => `proof-${planId}`
export const proofCheckout = (user: PlanUser): string => join(user.home, 'checkout')

/** Removes an earlier prover and makes a new user. Errors: throws with useradd's message. */
export async function makeProver(paths: Paths, planId: string, mayAdd: boolean): Promise<PlanUser> {
  await removeProver(paths, planId, mayAdd)
  return addUser(paths, proverName(planId), mayAdd, [])
}

/** Kills the prover's processes and deletes its files and user. Does nothing when there is no prover. */
export async function removeProver(paths: Paths, planId: string, mayAdd: boolean): Promise<void> {
  const user = findByName(paths, proverName(planId), mayAdd)
  if (user !== null) await dropUser(user, proofMark(planId), [])
}

/** Empties the home, so that nothing of an earlier run is left, and makes an empty checkout folder. Returns its environment. */
export async function freshHome(user: PlanUser, planId: string, mirror: string): Promise<NodeJS.ProcessEnv> {
  await killPlan(user, proofMark(planId))
  // This runs as the user itself, because root must not open files in a folder that untrusted code may have filled.
  const asRoot = { env: ROOT_ENV, cwd: '/', timeoutMs: EMPTY_TIMEOUT_MS }
  await run('find', [user.home, '-mindepth', '1', '-delete'], { ...asRoot, ...user.ids })
  await emptyShared(user)
  writeHome(user.home, mirror)
  mkdirSync(proofCheckout(user), { mode: 0o700 })
  if (user.ids !== null)
    // No process of the user runs yet, so all files there are ours.
    await run('chown', ['-R', '-h', `${user.ids.uid}:${user.ids.gid}`, user.home], asRoot)
  return planEnv({
    home: user.home,
    user: user.name,
    path: process.env['PATH'],
    planId: proofMark(planId),
    uid: user.ids?.uid,
  })
}
