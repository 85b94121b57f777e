// Does each document open? Texts are parsed, of other formats the frame is looked at. Pure over Documents.
import type { Documents, Problem } from './read.ts'
import { yamlProblem } from './yaml.ts'

const LFS_POINTER = 'version https://git-lfs.github.com/spec/'
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

export function parseProblems(documents: Documents, paths: string[]): Problem[] {
  return paths.flatMap((path) => {
    const text = problemOf(documents, path)
    return text === null ? [] : [{ path, text }]
  })
}

function problemOf(documents: Documents, path: string): string | null {
  const text = documents.text(path)
  if (text === null) return frameProblem(documents, path)
  if (text === '' || text.startsWith(LFS_POINTER)) return null
  if (text.includes('\uFFFD') && !isUtf8(documents, path)) return 'is not UTF-8'
  if (/^<{7} .*$[\s\S]*^={7}$[\s\S]*^>{7} /m.test(text)) return 'holds the marks of an unresolved merge'
  const kind = path.slice(path.lastIndexOf('.') + 1).toLowerCase()
  if (['md', 'markdown', 'mdx'].includes(kind)) return frontMatterProblem(text)
  if (['json', 'canvas'].includes(kind)) return jsonProblem(path, text)
  if (kind === 'jsonl') return linesProblem(text)
  if (['yml', 'yaml'].includes(kind)) return yamlProblem(text, 'document')
  if (['csv', 'tsv'].includes(kind)) return tableProblem(text, kind === 'csv' ? ',' : '\t')
  return null
}

function isUtf8(documents: Documents, path: string): boolean {
  const head = documents.ends(path)?.head ?? Buffer.alloc(0)
  // The head may end within a character; a replacement sign may also really stand there.
  return !head.subarray(0, -4).toString('utf8').includes('\uFFFD') || head.includes(Buffer.from('\uFFFD'))
}

function frontMatterProblem(text: string): string | null {
  const start = /^\uFEFF?---[ \t]*\r?\n/.exec(text)?.[0]
  if (start === undefined) return null
  const rest = text.slice(start.length)
  const end = /^(?:---|\.\.\.)[ \t]*\r?$/m.exec(rest)
  // A rule at the top of a page without front matter.
  if (end === null) return /^[\w-]+:(?:\s|$)/.test(rest) ? 'front matter is not closed by ---' : null
  const problem = yamlProblem(rest.slice(0, end.index), 'mapping')
  return problem === null ? null : `front matter: ${problem}`
}

function jsonProblem(path: string, text: string): string | null {
  // These have comments by custom.
  if (/(?:^|\/)(?:tsconfig|jsconfig)[^/]*\.json$|(?:^|\/)\.vscode\//.test(path)) return null
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''))
    return null
  } catch {
    return 'is not JSON'
  }
}

function linesProblem(text: string): string | null {
  const broken = text
    .split('\n')
    .filter((line) => line.trim() !== '' && jsonProblem('', line) !== null).length
  return broken === 0 ? null : `${broken} lines are not JSON`
}

/** Every row has as many fields as the first; quotes are closed. */
function tableProblem(text: string, separator: string): string | null {
  let fields = 1
  let isQuoted = false
  let wanted: number | null = null
  let differing = 0
  const endRow = (isEmpty: boolean) => {
    if (isEmpty) return
    wanted ??= fields
    if (fields !== wanted) differing++
  }
  let rowStart = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (char === separator) fields++
    else if (char === '\n') {
      endRow(text.slice(rowStart, at).trim() === '')
      fields = 1
      rowStart = at + 1
    }
  }
  endRow(text.slice(rowStart).trim() === '')
  if (isQuoted) return 'has a quote that is not closed'
  return differing === 0 ? null : `${differing} rows have another number of fields than the first`
}

function frameProblem(documents: Documents, path: string): string | null {
  const kind = path.slice(path.lastIndexOf('.') + 1).toLowerCase()
  const ends = documents.ends(path)
  if (ends === null || documents.size(path) === 0) return null
  const { head, tail } = ends
  if (head.subarray(0, LFS_POINTER.length).toString('latin1') === LFS_POINTER) return null
  const isWhole = {
    zip: () => head.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004' && tail.includes('PK\u0005\u0006'),
    pdf: () => head.subarray(0, 1_024).includes('%PDF-') && tail.includes('%%EOF'),
    png: () => head.subarray(0, 8).equals(PNG) && tail.includes('IEND'),
    jpeg: () => head[0] === 0xff && head[1] === 0xd8,
    gif: () => head.subarray(0, 4).toString('latin1') === 'GIF8',
  }
  const frame = FRAMES[kind]
  return frame === undefined || isWhole[frame]() ? null : `is no whole ${kind} file`
}

const FRAMES: Readonly<Record<string, 'zip' | 'pdf' | 'png' | 'jpeg' | 'gif'>> = {
  docx: 'zip',
  xlsx: 'zip',
  pptx: 'zip',
  odt: 'zip',
  ods: 'zip',
  odp: 'zip',
  pdf: 'pdf',
  png: 'png',
  jpg: 'jpeg',
  jpeg: 'jpeg',
  gif: 'gif',
}
