// Makes, finds, kills and removes the unix user of a plan, which has a fresh home and shares nothing. Ending a plan kills every
// process of its user. A saved process id is never used, because it may belong to another process by then. Where users cannot be
// added, plans run as our own user, one at a time, and their processes are found by a mark in their environment.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { checkoutDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { ROOT_ENV, run } from '../machine/process.ts'

export interface PlanUser {
  name: string
  home: string
  /** null when plans run as our own user. */
  ids: { uid: number; gid: number } | null
}

const TOOL_TIMEOUT_MS = 120_000
const KILL_ROUNDS = 40
const KILL_PAUSE_MS = 25
/** An unused user id, to try whether this process may switch to another user at all. */
const PROBE_ID = 61_184
const PROBE_TRIES = 5

export function canAddUsers(paths: Paths): boolean {
  if (!paths.ownMachine || !existsSync('/usr/sbin/useradd')) return false
  // In a sandbox with a single user id useradd succeeds, but switching to the new user is refused. Any other failure, such as no
  // process to be had just now, is asked again: the answer holds as long as the supervisor lives.
  for (let tries = 0; tries < PROBE_TRIES; tries++) {
    const { status, error } = spawnSync('/bin/true', { uid: PROBE_ID, gid: PROBE_ID })
    if (status === 0) return true
    if (error !== undefined && 'code' in error && (error.code === 'EPERM' || error.code === 'EINVAL'))
      return false
  }
  return false
}

export const userName = (planId: string): string => `plan-${planId.slice(-12)}`

/** Returns the plan's user with its home and empty checkout folder; makes what is missing. Errors: throws useradd's message. */
export async function ensureUser(paths: Paths, planId: string, mayAdd: boolean): Promise<PlanUser> {
  return addUser(paths, userName(planId), mayAdd, [checkoutDir(paths, planId)])
}

/** Returns a user with a private home and these private folders; makes what is missing. Errors: throws useradd's message. */
export async function addUser(
  paths: Paths,
  name: string,
  mayAdd: boolean,
  folders: string[],
): Promise<PlanUser> {
  const home = join(paths.planHomes, name)
  if (mayAdd && lookUp(name) === null) {
    const args = ['--no-create-home', '--home-dir', home, '--shell', '/bin/bash', '--user-group', name]
    const added = await run('/usr/sbin/useradd', args, { env: ROOT_ENV, timeoutMs: TOOL_TIMEOUT_MS })
    if (added.code !== 0) throw new Error(`useradd: ${added.stderr.trim() || `exit code ${added.code}`}`)
  }
  const ids = mayAdd ? lookUp(name) : null
  if (mayAdd && ids === null) throw new Error(`useradd reported success but ${name} is not in /etc/passwd`)
  for (const folder of [home, ...folders]) givePrivateFolder(folder, ids)
  return { name, home, ids }
}

/** Returns the plan's user without making one; null when there is none. */
export function findUser(paths: Paths, planId: string, mayAdd: boolean): PlanUser | null {
  return findByName(paths, userName(planId), mayAdd)
}

export function findByName(paths: Paths, name: string, mayAdd: boolean): PlanUser | null {
  const home = join(paths.planHomes, name)
  if (!mayAdd) return existsSync(home) ? { name, home, ids: null } : null
  const ids = lookUp(name)
  return ids === null ? null : { name, home, ids }
}

/** Kills every process of the plan and resolves when none is left. planId is the value of RALPH_PLAN in its processes. */
export async function killPlan(user: PlanUser, planId: string): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    // `kill -1` runs as the user itself, so the kernel kills all of its processes at once and no others.
    if (user.ids !== null) spawnSync('/bin/sh', ['-c', 'kill -KILL -1'], { ...user.ids, env: ROOT_ENV })
    const left = user.ids === null ? processesMarked(planId) : processesOf(user.ids.uid)
    if (left.length === 0) return
    if (user.ids === null) for (const pid of left) kill(pid)
    await sleep(KILL_PAUSE_MS)
  }
}

/** Removes the plan's checkout, home, files in shared folders, and user. The files are deleted as that user, not as root. */
export async function removeUser(paths: Paths, planId: string, user: PlanUser): Promise<void> {
  await dropUser(user, planId, [checkoutDir(paths, planId)])
}

/** Kills and removes a user and its folders. mark is the value of RALPH_PLAN in its processes. */
export async function dropUser(user: PlanUser, mark: string, others: string[]): Promise<void> {
  await killPlan(user, mark)
  const folders = [...others, user.home]
  for (const folder of folders) await run('find', [folder, '-mindepth', '1', '-delete'], asUser(user))
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  if (user.ids === null) return
  // A later user may get the same id, so no file of this one may be left.
  await emptyShared(user)
  await run('/usr/sbin/userdel', [user.name], { env: ROOT_ENV, timeoutMs: TOOL_TIMEOUT_MS })
}

/** Deletes the user's files in the folders that all users share. It runs as the user itself. */
export async function emptyShared(user: PlanUser): Promise<void> {
  if (user.ids === null) return
  const shared = ['/tmp', '/var/tmp', '/dev/shm'].filter((folder) => existsSync(folder))
  await run('find', [...shared, '-mindepth', '1', '-user', String(user.ids.uid), '-delete'], asUser(user))
}

const asUser = ({ ids }: PlanUser) => ({
  env: ROOT_ENV,
  timeoutMs: 10 * TOOL_TIMEOUT_MS,
  cwd: '/',
  ...ids,
})

function givePrivateFolder(folder: string, ids: PlanUser['ids']): void {
  if (existsSync(folder)) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  if (ids !== null) chownSync(folder, ids.uid, ids.gid)
}

function lookUp(name: string): { uid: number; gid: number } | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) }
}

function processesOf(uid: number): number[] {
  return pids().filter((pid) => {
    try {
      return statSync(`/proc/${pid}`).uid === uid && !isZombie(pid)
    } catch {
      return false // the process has ended
    }
  })
}

function processesMarked(planId: string): number[] {
  if (!existsSync('/proc/self/environ')) return processesMarkedByPs(planId)
  return pids().filter((pid) => {
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`RALPH_PLAN=${planId}`) &&
        !isZombie(pid)
      )
    } catch {
      return false // the process has ended or belongs to another user
    }
  })
}

/** Finds marked processes where there is no /proc (macOS, for trying things out). */
function processesMarkedByPs(planId: string): number[] {
  const listed = spawnSync('ps', ['-axEww', '-o', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 32 * 1024 * 1024,
  })
  return (listed.stdout ?? '')
    .split('\n')
    .filter((line) => line.includes(`RALPH_PLAN=${planId}`))
    .map((line) => Number.parseInt(line.trim(), 10))
    .filter((pid) => pid > 1 && pid !== process.pid)
}

function pids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
}

const isZombie = (pid: number): boolean => /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // the process has ended
  }
}
