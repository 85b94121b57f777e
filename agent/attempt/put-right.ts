// Puts the checkout's git folder right before our own git calls. A model may remove it, begin another one in its place, or leave a
// lock. The files in the checkout are never touched: the work is what differs from the last head we know of. Each repair is told.
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { commitOf } from '../git/git.ts'
import { tellModel } from '../plan/notices.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import {
  borrows,
  dropLeftovers,
  hasExcludes,
  hasHooks,
  isFolder,
  initialise,
  isLeftover,
  isOurs,
  markOurs,
  move,
  originUrl,
  readText,
  writeBorrowing,
  writeExcludes,
  writeHooks,
} from './git-folder.ts'
import { putConfigRight, putHomeRight } from './put-config-right.ts'
import { lookAgain, putBranchRight, putHeadRight, putIndexRight, putRefsRight } from './put-refs-right.ts'
import { isCheckpoint, nameBeside, restorePoint } from './restore-point.ts'

/** A git command that still runs holds its lock for a shorter time than this. */
const OLD_LOCK_MS = 10_000
const LOOK_MS = 500

/**
 * Repairs what stands in the way of our git calls and tells the history and the model what it was. locks: 'all' when no process of
 * the plan can run, 'old' when one might, 'none' after a turn. Errors: GitError, PauseError and RevokedError while lost work is fetched.
 */
export async function putRight(plan: PlanContext, locks: 'all' | 'old' | 'none'): Promise<void> {
  const { start } = plan
  const prepared = plan.journal.records().findLast((record) => record.kind === 'prepared')
  if (prepared === undefined) return
  const tell = (text: string) => {
    plan.report({ kind: 'event', type: 'notice', text })
    tellModel(plan, text)
  }
  const folder = join(start.checkout, '.git')
  await putHomeRight(plan, tell)
  dropLeftovers(start)
  if (!isOurs(folder, start)) await bringBack(plan, prepared.baseHead, tell)
  if (locks !== 'none') await removeLocks(folder, locks, tell)
  if (!borrows(start)) {
    writeBorrowing(start)
    tell('The git folder no longer borrowed objects from the mirror; it does so again.')
  }
  if (!hasHooks(start)) {
    writeHooks(plan)
    tell('A git hook of the agent was missing; it is there again.')
  }
  if (!hasExcludes(start)) writeExcludes(start)
  const shallow = join(folder, 'shallow')
  if (readText(shallow) !== null && readText(join(start.mirror, 'shallow')) === null) {
    rmSync(shallow)
    tell('The git folder was marked as shallow, which no push gets through; the mark is taken away.')
  }
  putHeadRight(plan, tell)
  if (locks !== 'none') await putRefsRight(plan, tell)
  await putConfigRight(plan, prepared.baseHead, tell)
  await putBranchRight(plan, tell)
  if (locks === 'none') return
  await putIndexRight(plan, tell)
  await lookAgain(plan, tell)
}

type Tell = (text: string) => void

/** Makes .git the plan's own git folder again: the old one where it was only moved, else a new one at the last known head. */
async function bringBack(plan: PlanContext, baseHead: string | null, tell: Tell): Promise<void> {
  const { start, home } = plan
  const folder = join(start.checkout, '.git')
  if (await isOlder(plan)) {
    markOurs(start)
    return
  }
  if (isMendable(folder, plan)) {
    tell('The git folder lacked parts that git needs; they are there again.')
    return
  }
  const moved = findMoved(plan)
  const aside = moved === folder ? null : setAside(folder, home)
  if (moved !== null) {
    move(moved, folder)
    tell('The git folder had been moved away; it is back in its place.')
  } else {
    await initialise(plan)
    const head = await placeHead(plan, baseHead)
    markOurs(start)
    tell(
      `The git folder was ${aside === null ? 'removed' : 'replaced by another repository'}. A new one was made around the files of the checkout, which are as they were; it stands at ${head?.slice(0, 12) ?? 'no commit'}, the last one known to the remote. The work is what differs from that commit.`,
    )
  }
  await keepOthers(plan, tell)
}

/** Keeps the commits of every repository that was set aside, also of one whose setting aside was cut short by a kill. */
async function keepOthers({ git, home }: PlanContext, tell: Tell): Promise<void> {
  for (let n = 1; lstatSync(asideFolder(home, n), { throwIfNoEntry: false }) !== undefined; n++) {
    const name = n === 1 ? 'kept-other' : `kept-other-${n}`
    if ((await commitOf(git, `refs/heads/${name}`)) !== null) continue
    const fetch = ['fetch', '--quiet', '--no-tags', asideFolder(home, n), `+HEAD:refs/heads/${name}`]
    if ((await git.try(fetch)).code === 0)
      tell(
        `The commits of the repository that stood in its place are kept as the local branch ${name} (${(await commitOf(git, name))?.slice(0, 12)}).`,
      )
  }
}

const asideFolder = (home: string, n: number): string => join(home, '.ralph', `other-git-${n}`)

/** True for a checkout that an earlier version of the agent made, which left no mark. */
async function isOlder({ start, git }: PlanContext): Promise<boolean> {
  const isMade = borrows(start) && readText(join(start.checkout, '.git/config'))?.includes(originUrl(start))
  return isMade === true && (await commitOf(git, 'HEAD')) !== null
}

/** Writes what is missing of our own folder where its commits are still there. */
function isMendable(folder: string, { start }: PlanContext): boolean {
  if (readText(join(folder, 'ralph-plan'))?.trim() !== start.id || !isFolder(join(folder, 'objects')))
    return false
  mkdirSync(join(folder, 'refs'), { recursive: true })
  if (readText(join(folder, 'HEAD')) === null)
    writeFileSync(join(folder, 'HEAD'), `ref: refs/heads/${start.branch}\n`)
  return isOurs(folder, start)
}

/** Looks where a git folder may have been moved: where a .git file points, and beside it or in the home. */
function findMoved({ start, home }: PlanContext): string | null {
  const pointer = /^gitdir: (.+)$/m.exec(readText(join(start.checkout, '.git')) ?? '')?.[1]
  const places = [
    ...(pointer === undefined ? [] : [resolve(start.checkout, pointer.trim())]),
    ...[start.checkout, home].flatMap((parent) => readdirSync(parent).map((name) => join(parent, name))),
  ]
  return places.find((place) => isOurs(place, start) && !isLeftover(place)) ?? null
}

/** Moves what stands in the place of .git into the plan's home. Returns where; null when there was nothing. */
function setAside(folder: string, home: string): string | null {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return null
  for (let n = 1; ; n++) {
    const place = asideFolder(home, n)
    if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) continue
    move(folder, place)
    return place
  }
}

/** Points the plan's branch at the last known head and the index with it. Files are restored only where none is left at all. */
async function placeHead(plan: PlanContext, baseHead: string | null): Promise<string | null> {
  const { git, start } = plan
  const from = (await restoreOrNull(plan)) ?? baseHead
  const branch = `refs/heads/${start.branch}`
  if (from === null) {
    await git.must(['symbolic-ref', 'HEAD', branch])
    return null
  }
  const head = (await isCheckpoint(plan, from)) ? await git.must(['rev-parse', `${from}^`]) : from
  if (head !== from) await nameBeside(plan, from)
  const isEmpty = readdirSync(start.checkout).every((name) => name === '.git')
  await git.must(['update-ref', branch, isEmpty ? from : head])
  await git.must(['symbolic-ref', 'HEAD', branch])
  await git.must(['reset', '--quiet', isEmpty ? '--hard' : '--mixed'])
  if (isEmpty && head !== from) await git.must(['reset', '--quiet', '--mixed', head])
  return head
}

/** At a stop the attempt's rights are gone, so that only what is on this machine counts. */
async function restoreOrNull(plan: PlanContext): Promise<string | null> {
  try {
    return await restorePoint(plan)
  } catch (error) {
    if (plan.start.mode === 'stop' && (error instanceof PauseError || error instanceof RevokedError))
      return null
    throw error
  }
}

async function removeLocks(folder: string, which: 'all' | 'old', tell: Tell): Promise<void> {
  if (which === 'old')
    for (const endMs = Date.now() + OLD_LOCK_MS; Date.now() < endMs; await sleep(LOOK_MS))
      if (listLocks(folder).every((file) => age(file) >= OLD_LOCK_MS)) break
  const locks = listLocks(folder).filter((file) => which === 'all' || age(file) >= OLD_LOCK_MS)
  for (const file of locks) rmSync(file, { recursive: true, force: true })
  if (locks.length > 0)
    tell(
      `A git command that was cut short had left a lock, which is removed: ${locks
        .map((file) => file.slice(folder.length + 1))
        .join(', ')
        .slice(0, 500)}.`,
    )
}

const age = (file: string): number => Date.now() - (lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)

/** Lists lock files where git makes them: at the top, in refs and in the folders of working trees. */
function listLocks(folder: string): string[] {
  const inside = (part: string, isDeep: boolean): string[] => {
    try {
      return readdirSync(join(folder, part), { recursive: isDeep, encoding: 'utf8' })
        .filter((name) => name.endsWith('.lock'))
        .map((name) => join(folder, part, name))
    } catch {
      return [] // the folder is not there
    }
  }
  return [
    ...inside('', false),
    ...inside('refs', true),
    ...inside('worktrees', true),
    ...inside('objects/info', true),
  ]
}
