// What must hold of a plan, whatever was done to its checkout. Pure: looks, pushed tags and words in, the broken demands out.
import { allTags, commitsBelow } from './look.ts'
import type { Look } from './look.ts'

export interface Seen {
  /** Looks at the checkout in their order: before and after each step, then at the end of the steps. */
  looks: { name: string; look: Look }[]
  /** What the machine holds after the attempt, and every commit that some ref or log there still knows. */
  left: Look
  leftCommits: Set<string>
  /** Tags and commits below the plan's refs at the remote. */
  pushedTags: Set<string>
  pushedCommits: Set<string>
  /** All that was said to the model or the person: events, tool results, the end. */
  words: string
  /** False after a cancel: then the work must be on the machine, and nothing can be pushed. */
  mayPush: boolean
}

/** A shorter name would be found in any text. */
const MIN_NAME = 4

/** A demand that did not hold. The name tells demands apart while a sequence is shrunk. */
export class Broken extends Error {
  override name = 'Broken'
  readonly demand: string
  constructor(demand: string, why: string) {
    super(`${demand}: ${why}`)
    this.demand = demand
  }
}

/** Errors: Broken, for the first demand that does not hold. */
export function demandNothingLost(seen: Seen): void {
  demandKeptBetween(seen)
  const look = seen.looks.at(-1)?.look
  if (look === undefined) throw new Broken('the steps were played', 'there is no look at the checkout')
  for (const { commit, name } of look.tips)
    for (const one of commitsBelow(look, commit)) demandCommit(seen, look, one, { commit, name })
  for (const [path, tags] of look.files) for (const tag of tags) demandFile(seen, look, path, tag)
  // Only root can say what is in what the plan's user may not read.
  for (const [path, tags] of seen.left.files)
    if (look.shut.some((shut) => path === shut || path.startsWith(`${shut}/`)))
      for (const tag of tags) demandFile(seen, look, path, tag)
}

/** Between two steps only the agent works. */
function demandKeptBetween({ looks, words }: Seen): void {
  for (const [at, { name, look }] of looks.entries()) {
    const next = looks[at + 1]
    if (!name.endsWith('-after') || next === undefined) continue
    const there = allTags(next.look)
    for (const tag of allTags(look))
      if (!there.has(tag) && !isNamed(words, placesOf(look, tag)))
        throw new Broken(
          'the agent takes nothing away between two steps',
          `${tag} (${placesOf(look, tag).join(', ')}) was there at ${name} and not at ${next.name}`,
        )
  }
}

function demandCommit(seen: Seen, look: Look, commit: string, tip: { commit: string; name: string }): void {
  const tags = look.commits.get(commit)?.tags ?? []
  if (seen.pushedCommits.has(commit) || tags.every((tag) => seen.pushedTags.has(tag))) return
  const what = `${commit.slice(0, 12)} of ${tip.name} (${tags.join(', ')})`
  const isLeft = seen.leftCommits.has(commit) || tags.every((tag) => allTags(seen.left).has(tag))
  if (!isLeft) throw new Broken('no commit is lost', `${what} is neither pushed nor on the machine`)
  const places = [
    tip.name,
    tip.commit.slice(0, 12),
    commit.slice(0, 12),
    ...tags.flatMap((tag) => filesOf(look, tag)),
  ]
  if (seen.mayPush && !isNamed(seen.words, places))
    throw new Broken('no commit is left behind without a word', `${what} is only on the machine`)
}

function demandFile(seen: Seen, look: Look, path: string, tag: string): void {
  if (seen.pushedTags.has(tag)) return
  const isLeft = seen.left.files.get(path)?.includes(tag) === true
  if (!isLeft && !allTags(seen.left).has(tag))
    throw new Broken('no file is lost', `${path} (${tag}) is neither pushed nor on the machine`)
  const isOrdinary = !look.ignored.has(path)
  if (isOrdinary && seen.mayPush && !isNamed(seen.words, [path]))
    throw new Broken('no file is left behind without a word', `${path} (${tag}) is only on the machine`)
}

const filesOf = ({ files }: Look, tag: string): string[] =>
  [...files].filter(([, tags]) => tags.includes(tag)).map(([path]) => path)

const placesOf = (look: Look, tag: string): string[] => [
  ...filesOf(look, tag),
  ...[...look.commits].filter(([, { tags }]) => tags.includes(tag)).map(([commit]) => commit.slice(0, 12)),
]

/** True when the words name one of these places, or a folder that holds it. */
const isNamed = (words: string, places: string[]): boolean =>
  places.flatMap(namesOf).some((name) => words.includes(name))

/** The branch of the plan and HEAD stand in many words, so they are told by their commit only. */
function namesOf(place: string): string[] {
  if (place.startsWith('agent/') || place === 'HEAD') return []
  if (place.startsWith('/')) return [place, ...(/wt-\d+/.exec(place) ?? [])]
  const parts = place.split('/')
  return parts.map((_, at) => parts.slice(0, at + 1).join('/')).filter((name) => name.length >= MIN_NAME)
}
