// Reads lines of a `.gitattributes` file: which of them change how git shows, converts or exports files, and which files. Pure.

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
  const wanted = glob.replace(/^\//, '').split('/')
  return (path) => {
    const parts = path.split('/')
    return matchesAll(wanted, isName ? parts.slice(-1) : parts, '**', matchesName)
  }
}

const matchesName = (pattern: string, name: string): boolean =>
  matchesAll(
    Array.from(pattern.replaceAll(/\*+/g, '*')),
    Array.from(name),
    '*',
    (one, other) => one === '?' || one === other,
  )

/** True when the items match in their order, where `star` stands for any number of items. It takes no more steps than both lengths multiplied. */
function matchesAll(
  pattern: readonly string[],
  items: readonly string[],
  star: string,
  isSame: (one: string, other: string) => boolean,
): boolean {
  let [at, back, tried] = [0, -1, 0]
  for (let n = 0; n < items.length;) {
    const wanted = pattern[at]
    if (wanted === star) {
      back = at++
      tried = n
    } else if (wanted !== undefined && isSame(wanted, items[n] ?? '')) {
      at++
      n++
    } else if (back === -1) return false
    else {
      at = back + 1
      n = ++tried
    }
  }
  return pattern.slice(at).every((rest) => rest === star)
}
