// Turns the lines of `git diff` into pages of files and hunks. Each hunk is on one page, or split into numbered parts. Pure.
// It reads only git's own patch format; hand-in-diff.ts sets the prefixes a/ and b/.
import { MAX_DIFF_PAGE_BYTES, MAX_DIFF_PAGES } from '../../src/shared/protocol.ts'
import type { DiffFile, DiffHunk, DiffTotals } from '../../src/shared/protocol.ts'
import { parsePatchHeader, unquotePath } from './diff-names.ts'
import { cut, showUnseen } from '../../src/shared/text.ts'

/** Longer lines (minified code) are cut and counted as cut. The size is that of the line as JSON, so any line fits on a page. */
const MAX_LINE_BYTES = 4_000
const MAX_PATH_CHARS = 1_000
const MAX_HEADER_CHARS = 300
/** Leaves some room, because the Worker also shows invisible characters by name and may know more of them. */
const PAGE_BYTES = MAX_DIFF_PAGE_BYTES - 2_000

export interface DiffPager {
  line(text: string, isCut: boolean): void
  end(): { pages: DiffFile[][]; totals: DiffTotals }
}

interface OpenHunk {
  header: string
  lines: string[]
  clipped: number
  oldLeft: number
  newLeft: number
}

export function createDiffPager(): DiffPager {
  const pages: DiffFile[][] = []
  const totals: DiffTotals = { files: 0, additions: 0, deletions: 0, omittedFiles: 0 }
  let page: DiffFile[] = []
  let pageBytes = 2
  let file: DiffFile | null = null
  /** The current file's entry on the current page; null when it has none yet. */
  let placed: DiffFile | null = null
  let omitted: DiffFile | null = null
  let hunk: OpenHunk | null = null

  const turnPage = () => {
    if (page.length > 0) pages.push(page)
    page = []
    pageBytes = 2
    placed = null
  }

  /** Puts a file or hunk on a page. Returns false when there are no pages left; the file is then counted as omitted, once. */
  const place = (of: DiffFile, added: DiffHunk | null): boolean => {
    const head = { ...of, hunks: [] }
    const bytes = added === null ? 0 : jsonBytes(added) + 1
    const needs = () => bytes + (placed === null ? jsonBytes(head) + 1 : 0)
    if (pageBytes + needs() > PAGE_BYTES) turnPage()
    if (pages.length >= MAX_DIFF_PAGES) {
      if (omitted !== of) totals.omittedFiles += 1
      omitted = of
      return false
    }
    pageBytes += needs()
    if (placed === null) page.push((placed = head))
    if (added !== null) placed.hunks.push(added)
    return true
  }

  const closeHunk = () => {
    if (hunk === null || file === null) return
    const { header, lines, clipped } = hunk
    hunk = null
    const room = PAGE_BYTES - jsonBytes({ ...file, hunks: [] }) - jsonBytes({ header, text: '' }) - 100
    const parts = splitLines(lines, room)
    const clippedLines = clipped === 0 ? {} : { clippedLines: clipped }
    for (const [index, part] of parts.entries()) {
      const which = parts.length === 1 ? {} : { part: index + 1, parts: parts.length }
      if (!place(file, { header, text: part.join('\n'), ...which, ...clippedLines })) return
    }
  }

  const closeFile = () => {
    closeHunk()
    // A binary, renamed or empty file is listed without hunks.
    if (file !== null && placed === null && omitted !== file && file.hunks.length === 0 && !hadHunks)
      place(file, null)
    file = null
    placed = null
  }
  let hadHunks = false

  const inHunk = (text: string, isCut: boolean, open: OpenHunk) => {
    const sign = text[0] ?? ' '
    if (sign === '+') {
      totals.additions += 1
      open.newLeft -= 1
    } else if (sign === '-') {
      totals.deletions += 1
      open.oldLeft -= 1
    } else if (sign !== '\\') {
      open.oldLeft -= 1
      open.newLeft -= 1
    }
    if (omitted === file) return
    const line = clipLine(showUnseen(text), isCut)
    if (line.isClipped) open.clipped += 1
    open.lines.push(line.text)
  }

  return {
    line(text, isCut) {
      if (hunk !== null && (hunk.oldLeft > 0 || hunk.newLeft > 0 || text.startsWith('\\')))
        return inHunk(text, isCut, hunk)
      if (text.startsWith('diff --git ')) {
        closeFile()
        totals.files += 1
        hadHunks = false
        const path = parsePatchHeader(text.slice('diff --git '.length))
        file = { path: clipPath(path), status: 'modified', hunks: [] }
        return
      }
      if (file === null) return
      const match = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(text)
      if (match !== null) {
        closeHunk()
        hadHunks = true
        hunk = {
          header: clip(showUnseen(text), MAX_HEADER_CHARS),
          lines: [],
          clipped: 0,
          oldLeft: Number(match[1] ?? 1),
          newLeft: Number(match[2] ?? 1),
        }
      } else headerLine(file, text)
    },
    end() {
      closeFile()
      if (pages.length < MAX_DIFF_PAGES) turnPage()
      return { pages, totals }
    },
  }
}

/** Reads one of the lines between `diff --git` and the first hunk. */
function headerLine(file: DiffFile, text: string): void {
  const [, word = '', rest = ''] =
    /^(new file mode|deleted file mode|rename from|rename to|copy from|copy to|old mode|new mode|Binary files|\+\+\+|---) ?(.*)$/.exec(
      text,
    ) ?? []
  if (word === 'new file mode') Object.assign(file, { status: 'added' })
  else if (word === 'deleted file mode') Object.assign(file, { status: 'deleted' })
  else if (word === 'rename from')
    Object.assign(file, { status: 'renamed', oldPath: clipPath(unquotePath(rest)) })
  else if (word === 'copy from')
    Object.assign(file, { status: 'copied', oldPath: clipPath(unquotePath(rest)) })
  else if (word === 'rename to' || word === 'copy to') file.path = clipPath(unquotePath(rest))
  else if (word === 'old mode') file.mode = clip(showUnseen(rest), 15)
  else if (word === 'new mode') file.mode = `${file.mode ?? '?'} -> ${clip(showUnseen(rest), 15)}`
  else if (word === 'Binary files') file.binary = true
}

/** Splits lines into groups of at most `room` bytes as JSON. Every single line fits. */
function splitLines(lines: string[], room: number): string[][] {
  const parts: string[][] = [[]]
  let bytes = 0
  for (const line of lines) {
    const size = jsonBytes(line)
    if (bytes + size > room && bytes > 0) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(line)
    bytes += size
  }
  return parts
}

function clipLine(text: string, isCut: boolean): { text: string; isClipped: boolean } {
  if (!isCut && (text.length <= MAX_LINE_BYTES / 6 || jsonBytes(text) <= MAX_LINE_BYTES))
    return { text, isClipped: false }
  let kept = text.slice(0, MAX_LINE_BYTES)
  while (jsonBytes(kept) > MAX_LINE_BYTES) kept = kept.slice(0, Math.floor(kept.length * 0.7))
  return { text: `${kept.replace(/[\uD800-\uDBFF]$/, '')}…`, isClipped: true }
}

const clipPath = (path: string): string =>
  clip(showUnseen(path).replaceAll('\n', '␊').replaceAll('\t', '␉'), MAX_PATH_CHARS)

const clip = (text: string, max: number): string => (text.length <= max ? text : cut(text, max))

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
