// Cuts a whole difference into readings of a size that one question can hold, and frames what a judge reads. Pure. Text of a
// difference cannot end a section or open one, because each tag carries a code that this text does not hold.
import type { FileDifference } from '../git/difference.ts'
import { classOf } from '../git/file-class.ts'

export interface Readings {
  /** The text of each reading; always at least one. */
  parts: { text: string; paths: string[] }[]
  /** Generated, vendored and binary files that are only named. */
  leftOut: FileDifference[]
  /** Source files that no reading holds, or not to their end. */
  unread: string[]
}

export interface ReadingLimits {
  maxChars: number
  maxReadings: number
}

const LIMITS: ReadingLimits = { maxChars: 120_000, maxReadings: 8 }
/** Large files of data come after everything else, so that they never crowd out code. */
const DATA = /\.(?:csv|tsv|jsonl?|geojson|svg|txt|snap|xml|po|html|sql|ipynb)$/i
const LARGE_DATA_CHARS = 20_000

/** A new file is not believed when it says of itself that it is generated: it is read, after everything else. */
const saysGenerated = (file: FileDifference): boolean =>
  file.kind === 'added' && file.class === 'generated' && classOf(file.path, []) === 'source'
const isSource = (file: FileDifference): boolean => file.class === 'source' || saysGenerated(file)
const isReadable = (file: FileDifference): boolean => file.class !== 'binary' && file.isWhole
const isLast = (file: FileDifference): boolean =>
  saysGenerated(file) || (file.text.length > LARGE_DATA_CHARS && DATA.test(file.path))

export function readingsOf(files: readonly FileDifference[], limits: ReadingLimits = LIMITS): Readings {
  const readable = files.filter(isReadable)
  const unreadable = files.filter((file) => !isReadable(file))
  const tooLarge = unreadable.filter(isSource).map(({ path }) => path)
  const fitsAtOnce = readable.reduce((sum, file) => sum + textOf(file).length, 0) <= limits.maxChars
  const source = readable
    .filter((file) => fitsAtOnce || isSource(file))
    .toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)))
  const rest = readable
    .filter((file) => !fitsAtOnce && !isSource(file))
    .toSorted((a, b) => a.text.length - b.text.length)
  const packed = pack(source, limits)
  const { parts } = packed
  const leftOut = rest.filter((file) => {
    const last = parts.at(-1)
    if (last === undefined || last.text.length + textOf(file).length > limits.maxChars) return true
    last.text += textOf(file)
    last.paths.push(file.path)
    return false
  })
  return {
    parts,
    leftOut: [...leftOut, ...unreadable.filter((file) => !isSource(file))],
    unread: [...packed.unread, ...tooLarge],
  }
}

/** Fills one reading after the other. A file is cut only where moving it whole would leave half of a reading empty. */
function pack(
  files: readonly FileDifference[],
  { maxChars, maxReadings }: ReadingLimits,
): Pick<Readings, 'parts' | 'unread'> {
  let part: Readings['parts'][number] = { text: '', paths: [] }
  const parts = [part]
  const unread: string[] = []
  const put = (path: string, text: string) => {
    part.text += text
    if (part.paths.at(-1) !== path) part.paths.push(path)
  }
  for (const file of files) {
    let rest = textOf(file)
    while (rest.length > maxChars - part.text.length) {
      const room = maxChars - part.text.length
      if (room >= maxChars / 2) {
        const at = endOfLine(rest, room)
        put(file.path, rest.slice(0, at))
        rest = `=== ${named(file.path)}, continued\n${rest.slice(at)}`
      }
      if (parts.length === maxReadings) break
      part = { text: '', paths: [] }
      parts.push(part)
    }
    if (rest.length <= maxChars - part.text.length) put(file.path, rest)
    else unread.push(file.path)
  }
  return { parts, unread }
}

/** Returns where the last line ends that fits; a line too long for that is cut in the middle. */
function endOfLine(text: string, room: number): number {
  const at = text.lastIndexOf('\n', room - 1) + 1
  return at >= room / 2 ? at : room
}

const MODES: Record<string, string> = {
  '100755': 'a program',
  '120000': 'a symbolic link; the text is its target',
  '160000': 'a submodule; the text is its commit',
}

/** The file's text under a heading. No line of a difference begins with `===`, so none can look like a heading. */
function textOf(file: FileDifference): string {
  return `=== ${describe(file)}\n${file.text === '' ? '' : `${file.text}\n`}`
}

/** One line about a file: path, what happened to it, how much, and what it is. */
export function describe({
  path,
  kind,
  class: type,
  additions,
  deletions,
  modes,
  sizes,
}: FileDifference): string {
  const [before, after] = modes
  const what = kind === 'deleted' ? before : after
  const facts = [
    kind,
    ...(type === 'source' ? [] : [type]),
    ...(type === 'binary'
      ? [`${sizes[0]} bytes before, ${sizes[1]} after`]
      : [`+${additions} -${deletions}`]),
    ...(MODES[what] === undefined ? [] : [MODES[what]]),
    ...(kind === 'changed' && before !== after ? [`mode ${before} before`] : []),
  ]
  return `${named(path)} (${facts.join(', ')})`
}

/** A path as one line, in quotes where it holds anything unusual. */
export const named = (path: string): string => (/^[\w./@+ -]+$/.test(path) ? path : JSON.stringify(path))

export interface Section {
  title: string
  text: string
}

/** Returns sections whose tags carry the code. Empty sections are left out. */
export const toSections = (code: string, sections: readonly Section[]): string[] =>
  sections
    .filter(({ text }) => text.trim() !== '')
    .map(({ title, text }) => `<${title}-${code}>\n${text}\n</${title}-${code}>`)

/** Returns a code that occurs in none of the texts, so that none of them can write a tag. */
export function codeFor(texts: readonly string[], makeCode: () => string): string {
  for (;;) {
    const code = makeCode()
    if (!texts.some((text) => text.includes(code))) return code
  }
}
