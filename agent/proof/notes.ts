// Computes what a reader of the work should know and look at first. Pure and deterministic. A note is data for the judge and the
// person; it decides nothing.
import type { LookFirst } from '../../src/shared/results.ts'
import { clipText } from '../machine/output.ts'
import type { Difference, FileDifference } from '../git/difference.ts'
import { hunksOf } from '../git/hunks.ts'
import type { ChangedLine } from '../git/hunks.ts'
import { describe, named } from './judge-readings.ts'
import { addedPackages, countTests, endsProcess, reachesRunner, skips } from './note-lines.ts'
import { findHiding } from '../git/attributes.ts'

export interface NotesInput {
  difference: Pick<Difference, 'files'>
  planText: string
  isTest: (path: string) => boolean
  /** Files that ran in the base's version. */
  putBack: readonly string[]
  /** Tests and settings whose changed version counted, with the judge's reason. */
  changedTests: readonly { path: string; why: string }[]
  /** Names of tests that the base passes and the head does not run. */
  removedTests: readonly string[]
  /** What the checks said, in words: flaky ones, checks of the head alone, red ones of the base. */
  checks: readonly string[]
}

export interface Notes {
  notes: string[]
  /** At most 5, the most important one first, each file once. */
  lookFirst: LookFirst
}

/** One fact. It becomes a note, and where `look` stands also a place to look at. */
interface Point {
  note?: string
  look?: LookFirst[number] & { rank: Rank }
}

/** The order of lookFirst, the most important first. */
const RANKS = [
  'allowed',
  'weaker',
  'ends',
  'link',
  'attributes',
  'package',
  'untested',
  'put back',
  'far',
] as const
type Rank = (typeof RANKS)[number]

const MAX_LOOK_FIRST = 5
const MAX_NOTE_CHARS = 600
const MAX_WHY_CHARS = 200
const MAX_NAMES = 20
const MAX_LINE_CHARS = 1_000
/** A smaller change needs no test of its own. */
const MIN_UNTESTED_LINES = 5

/** A file of the difference with its lines. */
interface Read extends FileDifference {
  hunks: ChangedLine[][]
  lines: ChangedLine[]
  isTest: boolean
}

/** Patterns are tried on each line, and a very long one, or one of many spaces, would hold them up. */
const shortened = (one: ChangedLine): ChangedLine => ({
  ...one,
  text: one.text.slice(0, MAX_LINE_CHARS).replaceAll(/\s{2,}/g, ' '),
})

export function computeNotes(input: NotesInput): Notes {
  const files = input.difference.files.map((file): Read => {
    const hunks = hunksOf(file.text).map((hunk) => hunk.map(shortened))
    return { ...file, hunks, lines: hunks.flat(), isTest: input.isTest(file.path) }
  })
  const own = files.filter((file) => file.class === 'source')
  const points: Point[] = [
    ...input.changedTests.map(allowedTest),
    ...noted('Put back to the base for the checks', input.putBack, 'put back'),
    ...noted('Tests that the base passes and the work does not run', input.removedTests),
    ...input.checks.map((note) => ({ note })),
    ...own.filter((file) => file.isTest).flatMap((file) => weakerTests(file, input.putBack)),
    ...own.filter((file) => !file.isTest).flatMap(endings),
    ...files.flatMap(links),
    ...attributes(files),
    ...files.flatMap(packages),
    ...untested(own),
    ...farFromPlan(own, input.planText),
    ...mechanical(files),
    ...own.flatMap(hiddenCharacters),
  ]
  return {
    notes: points.flatMap(({ note }) => (note === undefined ? [] : [clipText(note, MAX_NOTE_CHARS)])),
    lookFirst: rank(points.flatMap(({ look }) => (look === undefined ? [] : [look]))),
  }
}

function rank(looks: readonly NonNullable<Point['look']>[]): LookFirst {
  const sorted = looks.toSorted((a, b) => RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank))
  const first = sorted.filter((look, at) => sorted.findIndex(({ path }) => path === look.path) === at)
  return first.slice(0, MAX_LOOK_FIRST).map(({ path, line, why }) => ({
    path,
    ...(line === undefined ? {} : { line }),
    why: clipText(why, MAX_WHY_CHARS),
  }))
}

const list = (names: readonly string[]): string =>
  `${names.slice(0, MAX_NAMES).join(', ')}${names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''}`

/** One note about many names; with a rank each of them is a file to look at. */
function noted(title: string, names: readonly string[], as?: Rank): Point[] {
  if (names.length === 0) return []
  const looks = as === undefined ? [] : names.map((path) => ({ look: { path, why: `${title}.`, rank: as } }))
  return [{ note: `${title}: ${list(names.map(named))}.` }, ...looks]
}

const allowedTest = ({ path, why }: { path: string; why: string }): Point => ({
  note: `${named(path)} counts in the work's version, because the plan makes its change necessary: ${why} See that it does not check less.`,
  look: { path, why: `The plan makes a change of this test necessary: ${why}`, rank: 'allowed' },
})

function weakerTests({ path, kind, lines }: Read, putBack: readonly string[]): Point[] {
  const ran = putBack.includes(path) ? " The base's version ran." : ''
  if (kind === 'deleted')
    return [
      {
        note: `The test file ${named(path)} is deleted.${ran}`,
        look: { path, why: 'This test file is deleted.', rank: 'weaker' },
      },
    ]
  const { assertions, cases } = countTests(lines)
  const skipped = lines.find((one) => one.kind === 'added' && skips(one.text))
  const counts = `assertions -${assertions[0]} +${assertions[1]}, tests -${cases[0]} +${cases[1]}`
  const fewer = assertions[1] < assertions[0] || cases[1] < cases[0]
  return [
    { note: `${kind === 'added' ? 'New test file' : 'Changed test file'} ${named(path)}: ${counts}.${ran}` },
    ...(fewer
      ? [{ look: { path, why: `It checks less by count: ${counts}.`, rank: 'weaker' as const } }]
      : []),
    ...(skipped === undefined
      ? []
      : [lineNoted(path, skipped, 'weaker', 'this line skips tests or leaves others out')]),
  ]
}

/** A note about one line, which is also a place to look at. */
function lineNoted(path: string, { line, text }: ChangedLine, as: Rank, what: string): Point {
  const shown = clipText(text.trim(), 160)
  return {
    note: `${named(path)}:${line}: ${what}: ${shown}`,
    look: { path, line, why: `${what.charAt(0).toUpperCase()}${what.slice(1)}: ${shown}`, rank: as },
  }
}

function endings({ path, lines }: Read): Point[] {
  return lines
    .filter(({ kind }) => kind === 'added')
    .flatMap((one) => {
      if (reachesRunner(path, one.text))
        return [lineNoted(path, one, 'ends', 'this line reaches for the test runner')]
      return endsProcess(path, one.text)
        ? [lineNoted(path, one, 'ends', 'this line can end the process')]
        : []
    })
    .slice(0, MAX_NAMES)
}

function links({ path, kind, modes, lines }: Read): Point[] {
  if (kind === 'deleted' || modes[0] === modes[1]) return []
  const target = lines.find((one) => one.kind === 'added')
  if (modes[1] === '120000' && target !== undefined)
    return [lineNoted(path, target, 'link', 'this is a symbolic link to')]
  if (modes[1] === '160000' && target !== undefined)
    return [lineNoted(path, target, 'link', 'this is a new submodule')]
  return kind === 'changed' ? [{ note: `${named(path)} has mode ${modes[1]}, before ${modes[0]}.` }] : []
}

function attributes(files: readonly Read[]): Point[] {
  return files
    .filter(({ path }) => /(?:^|\/)\.gitattributes$/.test(path))
    .flatMap(({ path, lines }) => {
      const hiding = findHiding(
        path,
        lines.filter(({ kind }) => kind === 'added'),
        files.map((file) => file.path),
      )
      if (hiding.length === 0)
        return [{ note: `${named(path)} is changed; it hides none of the changed files.` }]
      return hiding.map(({ line, text, paths }) => ({
        note: `${named(path)}:${line}: \`${text}\` changes how git shows or converts ${list(paths.map(named))}. They are shown here in full.`,
        look: {
          path,
          line,
          why: `\`${text}\` changes how git shows or converts changed files.`,
          rank: 'attributes' as const,
        },
      }))
    })
}

function packages({ path, lines }: Read): Point[] {
  const added = addedPackages(path, lines)
  const [first] = added
  if (first === undefined) return []
  const names = list(added.map(({ name }) => name))
  return [
    {
      note: `${named(path)} adds packages: ${names}.`,
      look: { path, line: first.line, why: `New packages: ${names}.`, rank: 'package' },
    },
  ]
}

const CODE =
  /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|scala|c|cc|cpp|cxx|h|hpp|cs|php|swift|sh|lua|ex|exs|vue|svelte|r|sql|tf)$/i

/** The largest hunk of code that no changed test file has the name of. */
function untested(own: readonly Read[]): Point[] {
  const tests = own.filter((file) => file.isTest).map(({ path }) => path.toLowerCase())
  const largest = own
    .filter((file) => !file.isTest && CODE.test(file.path))
    .filter(({ path }) => !tests.some((test) => test.includes(stem(path))))
    .flatMap(({ path, hunks }) =>
      hunks.map((hunk) => ({ path, added: hunk.filter(({ kind }) => kind === 'added') })),
    )
    .reduce<{ path: string; added: ChangedLine[] } | null>(
      (best, one) => (one.added.length > (best?.added.length ?? 0) ? one : best),
      null,
    )
  const line = largest?.added[0]?.line
  if (largest === null || line === undefined || largest.added.length < MIN_UNTESTED_LINES) return []
  const why = `Of the code without a changed test of its name, this is the largest part (+${largest.added.length} lines).`
  return [
    {
      note: `${named(largest.path)}:${line}: ${why}`,
      look: { path: largest.path, line, why, rank: 'untested' },
    },
  ]
}

/** The name that a test of this file would have; a file such as `index.js` is named by its folder. */
function stem(path: string): string {
  const [name = '', folder = ''] = path.toLowerCase().split('/').toReversed()
  const own = name.replace(/\..*$/, '')
  return /^(?:index|main|mod|lib|__init__|init)$/.test(own) && folder !== '' ? folder : own
}

/** Words that say nothing about which file is meant. */
const PLAIN_WORDS = new Set('src lib test tests spec index main the app docs file files code'.split(' '))

const wordsOf = (text: string): string[] =>
  text
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word.length > 2 && !PLAIN_WORDS.has(word))

/** Files whose path shares no word with the plan, when others do. */
function farFromPlan(own: readonly Read[], planText: string): Point[] {
  const words = new Set(wordsOf(planText))
  const far = own.filter(
    ({ path, isTest }) => !isTest && !wordsOf(path.replace(/\.\w+$/, '')).some((word) => words.has(word)),
  )
  if (far.length === own.length) return []
  return noted(
    'No word of these paths occurs in the plan',
    far.map(({ path }) => path),
    'far',
  )
}

/** Files that no person writes by hand. */
function mechanical(files: readonly Read[]): Point[] {
  const facts = files.filter((file) => file.class !== 'source').map(describe)
  return facts.length === 0 ? [] : [{ note: `Binary, generated or vendored files: ${list(facts)}.` }]
}

/** Characters that show a line otherwise than a program reads it: bidi controls, invisible ones, NUL. */
const HIDDEN = /[\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\u2400]/

function hiddenCharacters({ path, lines }: Read): Point[] {
  const first = lines.find(({ kind, text }) => kind === 'added' && HIDDEN.test(text))
  return first === undefined ? [] : [lineNoted(path, first, 'ends', 'this line holds invisible characters')]
}
