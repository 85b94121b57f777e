// The text form of a page of a diff: a unified diff within a fence that no line of the repository can close.
import { counted } from '../../lib/text.ts'
import { jsonBytes } from './answer-size.ts'
import type { toDiffFile } from './shapes.ts'

type FileShape = ReturnType<typeof toDiffFile>

/** A page is smaller than this as data. With very long paths, each named twice, its text could be larger. */
const MAX_TEXT_BYTES = 36_000

export function diffText(files: FileShape[]): string {
  if (files.length === 0) return ''
  const long = files.map((file) => fileText(file, 2)).join('\n')
  const body = jsonBytes(long) <= MAX_TEXT_BYTES ? long : files.map((file) => fileText(file, 1)).join('\n')
  const longestRun = Math.max(2, ...Array.from(body.matchAll(/`+/g), ([run]) => run.length))
  const fence = '`'.repeat(longestRun + 1)
  return `${fence}diff\n${body}\n${fence}`
}

/** `names`: how often the path is written. */
function fileText(file: FileShape, names: 1 | 2): string {
  const { path, old_path: oldPath = path, status, binary, mode, hunks } = file
  const before = status === 'added' ? '/dev/null' : `a/${oldPath}`
  const after = status === 'deleted' ? '/dev/null' : `b/${path}`
  const facts = [
    status,
    ...(binary === true ? ['binary'] : []),
    ...(mode === undefined ? [] : [`mode ${mode}`]),
  ]
  const heads =
    names === 2 || status === 'deleted' || oldPath !== path
      ? [`--- ${before}`, `+++ ${after}`]
      : [`+++ ${after}`]
  return [`# ${facts.join(', ')}`, ...heads, ...hunks.flatMap(hunkLines)].join('\n')
}

function hunkLines({
  header,
  text,
  part,
  parts,
  clipped_lines: clipped,
}: FileShape['hunks'][number]): string[] {
  return [
    part === undefined ? header : `${header} (part ${part} of ${parts})`,
    text,
    ...(clipped === undefined ? [] : [`# ${counted(clipped, 'line')} of this hunk cut for length`]),
  ]
}
