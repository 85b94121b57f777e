// Adds probes (small extra tests) to the base's own tests. In the deciding run they pass; in the next run they must fail. A check
// that does not notice is not believed: something ended it early, replaced the runner or changed the assertions. The code under
// test cannot tell the two runs apart, because the probes are random words in the file's own style. Pure.
import { ENDS_ITSELF, languageOf, lastExit } from './probe-languages.ts'
export interface Plant {
  path: string
  plain: string
  /** What shows in the output, and in no source, when the probe of this number has failed. */
  markers: string[]
  /** The file with its probes; those of these numbers fail. */
  text(failing: ReadonlySet<number>): string
  /** Nothing but its probes, all of which fail: tells whether a check runs the file at all. */
  alone(): string
  /** Its own words can end it well before its end. */
  mayEndItself: boolean
}

/** Two words, equal or not, each written in two halves: whole they stand in the output only. */
interface Words {
  name: string
  halves: [string, string]
  other: string
}
/** null: no language of tests we know. hex: at least 48 random digits of which nobody else knows. */
export function plantProbes(path: string, plain: string, hex: string): Plant | null {
  const language = languageOf(path)?.(plain) ?? null
  if (language === null) return null
  const words = Array.from({ length: language.probes }, (_, at): Words => {
    const part = (from: number) => hex.slice(at * 24 + from, at * 24 + from + 5)
    const [tail, other] = [part(5), part(10)]
    // A letter first where it may become a name.
    return {
      name: `k${part(15)}`,
      halves: [`k${part(0)}`, tail],
      other: other === tail ? `${tail.slice(1)}g` : other,
    }
  })
  const write = (failing: (at: number) => boolean, body: string) =>
    language.write(
      words.map(({ name, halves: [head, tail], other }, at) => ({
        name,
        got: [head, tail],
        wanted: [head, failing(at) ? other : tail],
      })),
      body,
    )
  return {
    path,
    plain,
    markers: words.map(({ halves }) => halves.join('')),
    text: (failing) => write((at) => failing.has(at), plain),
    alone: () => write(() => true, skeleton(path, plain)),
    mayEndItself: ENDS_ITSELF.test(plain.slice(0, lastExit(plain))),
  }
}

/** What of a test file stands without the project: its imports of packages. A Rust source is part of the project: it stays. */
function skeleton(path: string, text: string): string {
  if (path.endsWith('.rs')) return path.includes('src/') ? text : ''
  if (path.endsWith('.go')) return `${/^package \w+/m.exec(text)?.[0] ?? ''}\n\nimport "testing"\n`
  if (path.endsWith('.py'))
    return (
      text.match(
        /^(?:(?:import|from) unittest\b[^\n]*\n|if __name__ ==[^\n]*\n\s+unittest\.main\([^\n]*\n?)/gm,
      ) ?? []
    ).join('')
  if (path.endsWith('.sh')) return ''
  return (
    text.match(
      /^(?:import\b[^;]*?from\s*['"][^.'"\n][^'"\n]*['"];?|(?:const|let|var)\b[^\n]*\brequire\(\s*['"][^.'"][^\n]*)\n/gm,
    ) ?? []
  ).join('')
}

/** The test files most likely to be about these changed files come first: those whose name or text holds their names. */
export function sortByRelation(
  tests: readonly { path: string; text: string }[],
  changed: readonly string[],
): { path: string; text: string }[] {
  const stems = changed.map((path) => /([^/]+?)(?:\.\w+)*$/.exec(path)?.[1] ?? path)
  const score = ({ path, text }: { path: string; text: string }) =>
    stems.filter((stem) => stem.length > 2 && (path.includes(stem) || text.includes(stem))).length
  return tests.toSorted((a, b) => score(b) - score(a))
}
