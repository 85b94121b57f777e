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
  readAllowances,
  showPath,
  WARN_BYTES,
} from './hold-back-rules.ts'
import type { Allowances, Held } from './hold-back-rules.ts'
import { BYTES, LITERAL, readChanges, readContents, readSizes, setEntries } from '../git/tree-diff.ts'
import type { TreeChange } from '../git/tree-diff.ts'
import { heldUnfiltered } from './filters.ts'
import { stageAllowed } from './stage.ts'

const SUBMODULE = '160000'

export interface HoldBackRules {
  allowed: Allowances
  /** Secret values that must not appear in any file. */
  known: readonly string[]
  /** Commit where the work started. A generated folder that is tracked there is the repository's own choice. */
  baseHead: string | null
  /** The bare mirror of the remote, which no plan can write. */
  mirror: string
}

export function rulesFor({ start, token, journal }: PlanContext): HoldBackRules {
  const words = [start.text, ...start.messages.map(({ text }) => text)].join('\n')
  return {
    allowed: readAllowances(words),
    known: token.all(),
    baseHead: baseIn(journal.records()),
    mirror: start.mirror,
  }
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
  { allowed, known, baseHead, mirror }: HoldBackRules,
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
    else if (after?.mode === SUBMODULE && (await isOnlyHere(git, change)))
      held.push({
        path,
        kind: 'nested_repository',
        reason: `the submodule's commit ${after.object.slice(0, 12)} is only on this machine, and the plan cannot push it`,
      })
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
  held.push(...(await heldContents(git, open, sizes, known)))
  const named = new Set(held.map(({ path }) => path))
  const others = open.filter(({ path }) => !named.has(path))
  return [...held, ...(await heldUnfiltered(git, others, sizes, mirror))]
}

/** True when a submodule that is here was moved to a commit that its own remote does not have. */
async function isOnlyHere(git: Git, { path, before, after }: TreeChange): Promise<boolean> {
  if (after === null || before?.object === after.object) return false
  const inside = ['-C', showPath(path)]
  const there = await git.try([...inside, 'rev-parse', '--verify', '--quiet', `${after.object}^{commit}`])
  if (there.code !== 0) return false
  const remotes = await git.try([...inside, 'branch', '--remotes', '--contains', after.object])
  return remotes.code === 0 && remotes.stdout.trim() === ''
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
