// Puts the git settings right on which our own calls depend: where origin is, and what would make git refuse the checkout. Other
// settings are the model's own and stay.
import { lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { tokenConfigFile } from '../plan/token.ts'
import { writeHome } from '../users/environment.ts'
import { fetchFromMirror, move, originUrl, readText } from './git-folder.ts'

/** Settings of origin with which a push or fetch would go elsewhere or do something else. */
const STRAY = ['pushurl', 'mirror', 'push', 'receivepack', 'uploadpack', 'vcs', 'proxy', 'prune']
/** The settings' text when they were last found right. Most turns change nothing. */
const seen = new WeakMap<Git, string>()
const seenAtHome = new WeakMap<Git, string | null>()

export async function putConfigRight(
  plan: PlanContext,
  baseHead: string | null,
  tell: (text: string) => void,
): Promise<void> {
  const { git, start, home } = plan
  const file = join(start.checkout, '.git/config')
  const text = () => [file, `${file}.worktree`].map(readText).join('\0')
  if (seen.get(git) === text()) return
  const url = originUrl(start)
  const said: string[] = []

  let entries = await list(git, home, file)
  if (entries === null) {
    await beginAnew(plan, file)
    said.push('the file could not be read and was made anew')
    entries = (await list(git, home, file)) ?? []
  }
  const set = (...args: string[]) => git.must(['-C', home, 'config', '--file', file, ...args])
  const drop = async (key: string) => {
    await set('--unset-all', key)
    said.push(`${key} is taken out`)
  }
  const isWrong = ([key, value]: [string, string]) =>
    key === 'core.worktree' || isStray(key) || redirects(key, value, url)
  for (const key of new Set(entries.filter(isWrong).map(([name]) => name))) await drop(key)
  if (entries.some(([key, value]) => key === 'core.bare' && value !== 'false')) {
    await set('--replace-all', 'core.bare', 'false')
    said.push('core.bare is false again')
  }
  const urls = entries.filter(([key]) => key === 'remote.origin.url').map(([, value]) => value)
  if (urls.length !== 1 || urls[0] !== url) {
    await set('--replace-all', 'remote.origin.url', url)
    await set('--replace-all', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*')
    said.push(urls.length === 0 ? 'the remote origin is there again' : 'origin leads to the gateway again')
  }
  if ((await git.try(['rev-parse', '--is-inside-work-tree'])).stdout.trim() !== 'true') {
    await beginAnew(plan, file)
    await git.must(['remote', 'add', 'origin', url])
    said.push('git refused the checkout with these settings, so they were made anew')
  }
  await restoreTracking(plan, baseHead)
  seen.set(git, text())
  if (said.length > 0)
    tell(`The git settings of the checkout stood in the way: ${said.join('; ')}.`.slice(0, 1_900))
}

/** Git runs nowhere while it cannot read the user's own settings, so they come first. */
export async function putHomeRight(
  { git, start, home }: PlanContext,
  tell: (text: string) => void,
): Promise<void> {
  const url = originUrl(start)
  const file = join(home, '.gitconfig')
  if (seenAtHome.get(git) === readText(file)) return
  const own = await list(git, home, file)
  const isGood =
    own !== null &&
    own.some(([key, value]) => key === 'include.path' && value === tokenConfigFile(home)) &&
    !own.some(([key, value]) => redirects(key, value, url))
  if (!isGood) writeHome(home, start.mirror)
  seenAtHome.set(git, readText(file))
  if (isGood) return
  tell("The user's own git settings stood in the way; they were written anew.")
}

const isStray = (key: string): boolean => STRAY.some((name) => key === `remote.origin.${name}`)

/** True for a rule that sends our address elsewhere. */
const redirects = (key: string, value: string, url: string): boolean =>
  /^url\..*\.(?:push)?insteadof$/is.test(key) && url.startsWith(value)

/** Returns each setting's key, lower case where git takes it so, and value; null when git cannot read the file. */
async function list(git: Git, home: string, file: string): Promise<[string, string][] | null> {
  // From the home, because git reads a repository's settings even when it is asked about another file.
  const said = await git.try(['-C', home, 'config', '--file', file, '--list', '-z'])
  if (said.code !== 0) return null
  return said.stdout
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const end = entry.indexOf('\n')
      return end === -1 ? [entry, ''] : [entry.slice(0, end), entry.slice(end + 1)]
    })
}

/** Moves the settings into the plan's home and has git write its own. */
async function beginAnew({ git, home }: PlanContext, file: string): Promise<void> {
  // A model may have removed the file.
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined)
    move(file, join(home, '.ralph/config-set-aside'))
  rmSync(`${file}.worktree`, { force: true })
  await git.must(['init', '--quiet'])
}

/** `git remote remove` takes the tracking branches along, without which every commit of the base would count as the plan's own. */
async function restoreTracking(plan: PlanContext, baseHead: string | null): Promise<void> {
  const { git, start, journal } = plan
  const tracking = `refs/remotes/origin/${start.branch}`
  if (baseHead !== null && (await commitOf(git, `refs/remotes/origin/${start.base}`)) === null)
    await fetchFromMirror(plan)
  if ((await commitOf(git, tracking)) !== null) return
  const kept = journal.records().findLast((record) => record.kind === 'kept' && record.ref === 'branch')
  const pushed = kept?.kind === 'kept' ? kept.head : start.pushedHead
  if (pushed !== undefined && (await commitOf(git, pushed)) !== null)
    await git.must(['update-ref', tracking, pushed])
}
