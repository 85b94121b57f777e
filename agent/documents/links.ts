// Finds broken links between documents: [text](path) and [ref]: path everywhere, [[Note#Heading|alias]] and ![[image]] in Obsidian
// vaults. Pure. A problem's text has no line number, so that a link that moves within its file stays the same problem.
import { posix } from 'node:path'
import type { Documents, Problem, VaultKind } from './read.ts'

const MARKDOWN = /\.(?:md|markdown|mdx)$/i
const INLINE_LINK =
  /!?\[(?:[^[\]]|\[[^\]]*\])*\]\(\s*(<[^>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+["'(][^\n]*?["')])?\s*\)/g
const REFERENCE = /^ {0,3}\[[^\]^][^\]]*\]:\s*(<[^>\n]*>|\S+)/gm
const WIKILINK = /\[\[([^[\]\n]+)\]\]/g
const ELSEWHERE = /^(?:[a-z][a-z0-9+.-]*:|\/|#$|\?)/i
/** Marks of a template that fills the link in later. */
const PLACEHOLDER = /<%|\{\{|\$\{/

export interface LinkInput {
  documents: Documents
  kind: VaultKind
  /** Files whose links are checked. */
  paths: string[]
}

export function linkProblems({ documents, kind, paths }: LinkInput): Problem[] {
  const index = indexOf(documents)
  return paths
    .filter((path) => MARKDOWN.test(path))
    .flatMap((path) => {
      const text = withoutCode(documents.text(path) ?? '')
      const wiki =
        kind === 'obsidian' ? wikiLinks(text).filter((link) => !resolvesWiki(index, path, link)) : []
      const plain = pathLinks(text).filter((link) => !resolvesPath(index, path, link, kind))
      return [...wiki.map((link) => `[[${link}]]`), ...plain.map((link) => `the link to ${link}`)].map(
        (link) => ({
          path,
          text: `${link} leads nowhere`,
        }),
      )
    })
}

interface Index {
  documents: Documents
  /** Paths of all files and folders. */
  paths: Set<string>
  /** Maps a lower-case file name, with and without .md, to its paths. */
  byName: Map<string, string[]>
}

function indexOf(documents: Documents): Index {
  const paths = new Set<string>([''])
  const byName = new Map<string, string[]>()
  for (const path of documents.paths) {
    for (let part = path; part !== '.'; part = posix.dirname(part)) paths.add(part)
    const name = posix.basename(path).toLowerCase()
    for (const key of new Set([name, name.replace(/\.md$/, '')]))
      byName.set(key, [...(byName.get(key) ?? []), path])
  }
  return { documents, paths, byName }
}

/** Removes code and comments, which hold no links. Line ends stay, so that references at a line's start are found. */
function withoutCode(text: string): string {
  return text
    .replaceAll(
      /^(?<fence> {0,3}(?:`{3,}|~{3,}))[^\n]*\n[\s\S]*?(?:^\k<fence>[`~]*[ \t]*$|$(?![\s\S]))/gm,
      '',
    )
    .replaceAll(/(?<ticks>`+)(?!`)[\s\S]*?[^`]\k<ticks>(?!`)/g, '')
    .replaceAll(/<!--[\s\S]*?-->|%%[\s\S]*?%%/g, '')
}

function wikiLinks(text: string): string[] {
  return [...text.matchAll(WIKILINK)]
    .map(([, inner = '']) => inner)
    .filter((inner) => !PLACEHOLDER.test(inner))
}

function resolvesWiki(index: Index, from: string, link: string): boolean {
  const [target = '', ...headings] = (link.split(/\\?\|/)[0] ?? '').trim().normalize('NFC').split('#')
  const file = target.trim() === '' ? from : findNote(index, from, target.trim())
  if (file === null) return false
  const heading = headings.at(-1)
  return heading === undefined || heading === '' || !MARKDOWN.test(file) || hasHeading(index, file, heading)
}

/** Finds a note as Obsidian does: by name anywhere in the vault, by the end of a path, or relative. Case does not matter. */
function findNote({ paths, byName }: Index, from: string, target: string): string | null {
  if (target.startsWith('.')) {
    const path = posix.join(posix.dirname(from), target)
    return [path, `${path}.md`].find((candidate) => paths.has(candidate)) ?? null
  }
  const wanted = target.replace(/^\//, '').toLowerCase()
  const candidates = byName.get(posix.basename(wanted)) ?? []
  return (
    candidates.find((path) => {
      const lower = path.toLowerCase()
      return [lower, lower.replace(/\.md$/, '')].some(
        (name) => name === wanted || name.endsWith(`/${wanted}`),
      )
    }) ?? null
  )
}

function hasHeading({ documents }: Index, file: string, heading: string): boolean {
  const text = documents.text(file)
  if (text === null) return true
  if (heading.startsWith('^'))
    return new RegExp(
      `(?:^|\\s)${heading.replaceAll(/[^\w^-]/g, '').replace('^', String.raw`\^`)}\\s*$`,
      'm',
    ).test(text)
  return headingsOf(text).some((found) => plain(found) === plain(heading))
}

const headingsOf = (text: string): string[] =>
  [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*\s*$/gm)].map(([, title = '']) => title)

const plain = (title: string): string =>
  title
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

function pathLinks(text: string): string[] {
  return [...text.matchAll(INLINE_LINK), ...text.matchAll(REFERENCE)]
    .map(([, target = '']) => target.replace(/^<(.*)>$/, '$1').trim())
    .filter((target) => target !== '' && !ELSEWHERE.test(target) && !PLACEHOLDER.test(target))
}

function resolvesPath(index: Index, from: string, link: string, kind: VaultKind): boolean {
  const [encoded = '', anchor = ''] = link.split('#')
  const target = decode(encoded.split('?')[0] ?? '').normalize('NFC')
  const path =
    target === '' ? from : posix.join(posix.dirname(from), target).replace(/\/$/, '').replace(/^\.$/, '')
  // A path above the repository cannot be checked.
  if (path.startsWith('..')) return true
  const file =
    [path, `${path}.md`].find((candidate) => index.paths.has(candidate)) ??
    (kind === 'obsidian' ? findNote(index, from, target) : null)
  if (file === null) return false
  const text = anchor === '' || !MARKDOWN.test(file) ? null : index.documents.text(file)
  // Anchors set by hand and line numbers of code hosts are not checked.
  if (text === null || /<a\s|\sid=|\{#/.test(text) || /^(?:L\d+|\^)/.test(anchor)) return true
  const wanted = plain(decode(anchor).replace(/-\d+$/, ''))
  return (
    headingsOf(text).some((title) =>
      [wanted, plain(decode(anchor))].includes(plain(title.replaceAll(/[`*_]/g, ''))),
    ) || headingsOf(text).some((title) => slug(title) === decode(anchor).toLowerCase())
  )
}

/** Returns a heading's anchor as GitHub makes it: only letters, digits, spaces, `-` and `_` stay. */
const slug = (title: string): string =>
  title
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a single percent sign is meant literally
  }
}
