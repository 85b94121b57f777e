// Reads lines of a `.gitattributes` file: which of them change how git shows, converts or exports files, and which files. Pure.
import { matchesGlob } from '../machine/glob.ts'

export interface Hiding {
  line: number
  text: string
  /** The files of the given ones that the pattern matches. */
  paths: string[]
}

/** Attributes that keep a file out of a difference or an archive, or let another program or encoding change what is seen. */
const HIDES =
  /^(?:-diff|binary|-text|diff=.*|filter=.*|export-ignore|export-subst|working-tree-encoding=.*|linguist-(?:generated|vendored)(?:=true)?)$/

/** file is the path of the attribute file; its patterns reach only what is in its folder. */
export function findHiding(
  file: string,
  lines: readonly { line: number; text: string }[],
  paths: readonly string[],
): Hiding[] {
  const folder = file.slice(0, file.lastIndexOf('/') + 1)
  const below = paths.filter((path) => path.startsWith(folder) && path !== file)
  return lines.flatMap(({ line, text }) => {
    const [pattern = '', ...attributes] = text.trim().split(/\s+/)
    if (pattern.startsWith('#') || !attributes.some((one) => HIDES.test(one))) return []
    const matches = toMatcher(pattern)
    const found = below.filter((path) => matches(path.slice(folder.length)))
    return found.length === 0 ? [] : [{ line, text: text.trim(), paths: found }]
  })
}

/** A pattern without a slash is about the name alone, as in a .gitignore file. */
function toMatcher(pattern: string): (path: string) => boolean {
  const glob = pattern.replace(/^"(.*)"$/, '$1')
  const isName = !glob.includes('/')
  const wanted = glob.replace(/^\//, '')
  return (path) => matchesGlob(wanted, isName ? path.slice(path.lastIndexOf('/') + 1) : path, '?')
}
