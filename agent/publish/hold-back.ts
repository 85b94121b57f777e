// Decides which changed files are held back, and why, for every commit of the agent and for the model's commits before a push. A
// held file stays in the checkout, uncommitted. The history and the model are told its name and the reason.
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { EMPTY_TREE } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { baseIn } from '../plan/journal.ts'
import { tellModel } from '../plan/notices.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import {
  generatedFolder,
  heldContent,
  heldFile,
  MAX_BYTES,
  readAllowances,
  showPath,
  WARN_BYTES,
} from './hold-back-rules.ts'
import type { Allowances, Held } from './hold-back-rules.ts'
import { BYTES, LITERAL, readChanges, readContents, readSizes, setEntries } from '../git/tree-diff.ts'
import type { TreeChange } from '../git/tree-diff.ts'

const MAX_NEW_FILES = 20_000
const MAX_NEW_BYTES = 500 * 1024 * 1024
const ADD_TIMEOUT_MS = 10 * 60_000
const SUBMODULE = '160000'

export interface HoldBackRules {
  allowed: Allowances
  /** Secret values that must not appear in any file. */
  known: readonly string[]
  /** Commit where the work started. A generated folder that is tracked there is the repository's own choice. */
  baseHead: string | null
}

export function rulesFor({ start, token, journal }: PlanContext): HoldBackRules {
  const words = [start.text, ...start.messages.map(({ text }) => text)].join('\n')
  return { allowed: readAllowances(words), known: token.all(), baseHead: baseIn(journal.records()) }
}

/** Stages what may be committed on top of head (null: no commit yet), in the index that env names. Returns the held files. */
export async function stageWork(
  git: Git,
  head: string | null,
  rules: HoldBackRules,
  env: NodeJS.ProcessEnv = {},
): Promise<Held[]> {
  const early = await stageAllowed(git, env)
  const late = await unstageHeld(git, head, rules, env)
  return [...early, ...late]
}

/** Stages files whose size is allowed. This comes first, because adding gigabytes to git would fill the disk a second time. */
async function stageAllowed(git: Git, env: NodeJS.ProcessEnv): Promise<Held[]> {
  const list = async (...args: string[]) =>
    (await git.must(['ls-files', '-z', ...args], { ...BYTES, env })).split('\0').filter((path) => path !== '')
  const changed = new Set(await list('--modified', '--deleted'))
  const added = await list('--others', '--exclude-standard')
  const held = new Map<string, string>()
  const sizes = new Map<string, number>()
  for (const path of [...changed, ...added]) {
    const size = sizeOf(join(git.checkout, '/'), path)
    if (path.endsWith('/'))
      held.set(path, 'it is a repository of its own; add it as a submodule if the plan wants that')
    else if (size > MAX_BYTES) held.set(path, `it has ${toMb(size)} MB; over 50 MB is never committed`)
    else if (!changed.has(path)) sizes.set(path, size)
  }
  for (const [path, reason] of tooMuch(sizes)) held.set(path, reason)
  const add = async (mode: '--update' | '--all', paths: string[]) => {
    if (paths.length === 0) return
    await git.must(['add', mode, '--pathspec-from-file=-', '--pathspec-file-nul'], {
      env: { ...env, ...LITERAL },
      input: paths.join('\0'),
      encoding: 'latin1',
      timeoutMs: ADD_TIMEOUT_MS,
    })
  }
  // Tracked files need --update, because they may lie in a folder where new files are ignored.
  await add(
    '--update',
    [...changed].filter((path) => !held.has(path)),
  )
  await add(
    '--all',
    added.filter((path) => !held.has(path)),
  )
  return [...held].map(([path, reason]) => ({
    path,
    kind: path.endsWith('/') ? 'nested_repository' : 'large',
    reason,
  }))
}

/** Returns the largest new files, until the others are within the limits of number and size. */
function tooMuch(sizes: Map<string, number>): [string, string][] {
  const held: [string, string][] = []
  let bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  for (const [path, size] of [...sizes].toSorted(([, a], [, b]) => b - a)) {
    const isFine = bytes <= MAX_NEW_BYTES && sizes.size - held.length <= MAX_NEW_FILES
    if (isFine) break
    bytes -= size
    held.push([
      path,
      `the new files are ${sizes.size} with ${toMb(bytes + size)} MB; at most ${MAX_NEW_FILES} with ${toMb(MAX_NEW_BYTES)} MB are committed`,
    ])
  }
  return held
}

async function unstageHeld(
  git: Git,
  head: string | null,
  rules: HoldBackRules,
  env: NodeJS.ProcessEnv,
): Promise<Held[]> {
  const changes = await readChanges(git, ['diff-index', '--cached', head ?? EMPTY_TREE], { env })
  const held = await heldChanges(git, changes, rules)
  const paths = new Set(held.map(({ path }) => path))
  const back = changes
    .filter(({ path }) => paths.has(path))
    .map(({ path, before }) => ({ path, entry: before }))
  await setEntries(git, back, env)
  return held
}

/** Returns which of these changes are held back. */
export async function heldChanges(
  git: Git,
  changes: TreeChange[],
  { allowed, known, baseHead }: HoldBackRules,
): Promise<Held[]> {
  const objects = changes
    .flatMap(({ before, after }) => [before?.object, after?.object])
    .filter((id) => id !== undefined)
  const sizes = await readSizes(git, objects)
  const hasFile = (path: string) => {
    try {
      return lstatSync(join(git.checkout, path)).isFile()
    } catch {
      return false // the file does not exist
    }
  }
  const held: Held[] = []
  const open: TreeChange[] = []
  for (const change of changes) {
    const { path, before, after } = change
    if (after?.mode === SUBMODULE && before === null && !hasFile('.gitmodules'))
      held.push({ path, kind: 'nested_repository', reason: 'it is a repository of its own and no submodule' })
    else {
      const size = after === null ? null : (sizes.get(after.object) ?? 0)
      const sizeBefore = before === null ? null : (sizes.get(before.object) ?? 0)
      const found = heldFile({ path, size, sizeBefore }, allowed, hasFile)
      const isOurs =
        found?.kind === 'generated' && (await isTracked(git, baseHead, generatedFolder(path, hasFile)))
      if (found !== null && !isOurs) held.push(found)
      else if (after?.mode.startsWith('100') === true) open.push(change)
    }
  }
  return [...held, ...(await heldContents(git, open, sizes, known))]
}

/** True when the base has files in this generated folder. Committing them is then the repository's own choice. */
async function isTracked(git: Git, baseHead: string | null, folder: string | null): Promise<boolean> {
  if (baseHead === null || folder === null) return false
  const args = ['ls-tree', '-z', '--full-tree', baseHead, '--', showPath(folder)]
  return (await git.try(args, { env: LITERAL })).stdout !== ''
}

async function heldContents(
  git: Git,
  changes: TreeChange[],
  sizes: Map<string, number>,
  known: readonly string[],
): Promise<Held[]> {
  // Larger files were allowed by name or existed before; they are treated as data and not searched.
  const isRead = (object: string) => (sizes.get(object) ?? 0) <= WARN_BYTES
  const byObject = new Map<string, TreeChange[]>()
  for (const change of changes)
    if (change.after !== null && isRead(change.after.object))
      byObject.set(change.after.object, [...(byObject.get(change.after.object) ?? []), change])
  const held: Held[] = []
  const wanted = new Map([...byObject.keys()].map((object) => [object, sizes.get(object) ?? 0]))
  for await (const [object, now] of readContents(git, wanted))
    for (const { path, before } of byObject.get(object) ?? []) {
      // The version before is read only when the new one contains something suspicious.
      const alone = heldContent(path, '', now, known)
      if (alone === null) continue
      const found =
        before === null || !isRead(before.object)
          ? alone
          : heldContent(path, await readBlob(git, before.object), now, known)
      if (found !== null) held.push(found)
    }
  return held
}

const readBlob = async (git: Git, object: string): Promise<string> =>
  (await git.try(['cat-file', 'blob', object], BYTES)).stdout

/** Reports each held file once: to the history, and to the model, which can still change its commits. */
export function tellHeld(plan: PlanContext, held: Held[], where: 'commit' | 'push'): void {
  for (const { path, kind, reason } of held) {
    const mark = `${path}\0${reason}`
    if (plan.heldReported.has(mark)) continue
    plan.heldReported.add(mark)
    const file = showPath(path).slice(0, 500)
    plan.report({
      kind: 'event',
      type: kind === 'secret' || kind === 'secret_file' ? 'secret_blocked' : 'held',
      text: `${file} is not ${where === 'commit' ? 'committed' : 'pushed'}: ${reason}.`,
      data: { file, kind },
    })
    tellModel(
      plan,
      `${file} is held back from the branch: ${reason}. Remove it from your commits, or do without it; it is never pushed like this.`,
    )
  }
}

/** Returns a list of the held files with reasons, for a text to the model; '' when nothing is held. */
export const describeHeld = (held: Held[]): string =>
  held.map(({ path, reason }) => `- ${showPath(path)}: ${reason}`).join('\n')

function sizeOf(folder: string, path: string): number {
  try {
    return lstatSync(Buffer.concat([Buffer.from(folder), Buffer.from(path, 'latin1')])).size
  } catch {
    return 0 // the file was deleted, and the deletion is staged
  }
}

const toMb = (bytes: number): number => Math.round(bytes / 1024 / 1024)
