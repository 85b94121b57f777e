// Probes in the base's own tests. In the run that decides they agree with themselves; in the next run they differ, and a check that
// does not notice is not run, or not believed, whatever made it so: an exit at import, a runner replaced, assertions taught to agree.
// The two runs look alike to the code under test (random words in the file's own style), so it cannot show each a face of its own.
// Pure.
export interface Plant {
  path: string
  plain: string
  /** What shows in the output, and in no source, when the probe of this number has failed. */
  markers: string[]
  /** The file with its probes; those of these numbers fail. */
  text(failing: ReadonlySet<number>): string
  /** Nothing but its probes, all of which fail: tells whether a check runs the file at all. */
  alone(): string
}

/** Two words, equal or not, each written in two halves: whole they stand in the output only. */
interface Words {
  name: string
  halves: [string, string]
  other: string
}
/** write: the probes in a body, which is the file's text or what of it can stand alone. */
type Language = (text: string) => { probes: number; write: (pairs: Pair[], body: string) => string } | null
interface Pair {
  name: string
  got: [string, string]
  wanted: [string, string]
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

function languageOf(path: string): Language | null {
  if (/\.[cm]?[jt]sx?$/.test(path)) return javascript
  if (path.endsWith('.py')) return python
  if (path.endsWith('_test.go')) return go
  if (path.endsWith('.rs')) return rust
  return path.endsWith('.sh') ? shell : null
}

const javascript: Language = (text) => {
  const end = /;\s*$/m.test(text) ? ';' : ''
  const indent = /^\t/m.test(text) ? '\t' : '  '
  const q = (text.match(/'/g)?.length ?? 0) >= (text.match(/"/g)?.length ?? 0) ? "'" : '"'
  const joined = ([a, b]: [string, string]) => `[${q}${a}${q}, ${q}${b}${q}].join(${q}${q})`
  const own = /(?:^|[^\w.])((?:expect|same|equal|eq|is)[A-Z]\w*|same|equal|eq)\s*\(/m.exec(text)?.[1]
  // In the file's own words: an assertion taught to agree must be asked, not gone around.
  const throws = ({ got, wanted }: Pair) =>
    `if (${joined(got)} !== ${joined(wanted)}) throw new Error(${joined(got)})`
  const say = ({ got, wanted }: Pair) =>
    /\bexpect\s*\(/.test(text)
      ? `expect(${joined(got)}).toBe(${joined(wanted)})`
      : /\bassert\.\w*[eE]qual\b/.test(text)
        ? `assert.equal(${joined(got)}, ${joined(wanted)})`
        : own === undefined
          ? `if (${joined(got)} !== ${joined(wanted)}) throw new Error(${joined(got)})`
          : `${own}(${joined(got)}, ${joined(wanted)})`
  const call = /(?:^|[^\w.])(test|it)\s*\(/m.exec(text)?.[1]
  if (call !== undefined)
    return {
      probes: 1,
      write: ([pair], body) =>
        pair === undefined
          ? body
          : `${body.trimEnd()}\n\n${call}(${q}${pair.name}${q}, () => {\n${indent}${body === text ? say(pair) : throws(pair)}${end}\n})${end}\n`,
    }
  // A script runs from top to end: what is asked first may hide what comes last, and what ends early does not come that far.
  return {
    probes: 2,
    write: ([first, last], body) => {
      if (first === undefined || last === undefined) return body
      const top = lastMatch(body, IMPORTS)
      const asked = body === text ? say(first) : throws(first)
      return `${body.slice(0, top)}\n;${asked}${end}\n${body.slice(top).trimEnd()}\n;${throws(last)}${end}\n`
    },
  }
}

const IMPORTS =
  /^(?:import\b[^;]*?from\s*['"][^'"\n]+['"];?|import\s*['"][^'"\n]+['"];?|(?:const|let|var)\b[^\n]*\brequire\([^\n]*)$/gm

const joined = ([a, b]: [string, string]): string => `"".join(["${a}", "${b}"])`

const asserts = ({ got, wanted }: Pair): string =>
  `assert ${joined(got)} == ${joined(wanted)}, ${joined(got)}\n`

const atEnd = (lines: (pair: Pair) => string) => ({
  probes: 1,
  write: ([pair]: Pair[], body: string) => {
    const main = /^if __name__ ==/m.exec(body)?.index ?? body.length
    const rest = body.slice(main) === '' ? '' : `\n\n${body.slice(main)}`
    return pair === undefined ? body : `${body.slice(0, main).trimEnd()}\n\n\n${lines(pair)}${rest}`
  },
})

const python: Language = (text) => {
  if (/\bTestCase\b/.test(text)) {
    const parent = /\bunittest\.TestCase\b/.test(text) ? 'unittest.TestCase' : 'TestCase'
    return atEnd(
      ({ name, got, wanted }) =>
        `class ${name.toUpperCase()}(${parent}):\n    def test_${name}(self):\n        self.assertEqual(${joined(got)}, ${joined(wanted)})\n`,
    )
  }
  if (/^\s*(?:async )?def test/m.test(text))
    return atEnd((pair) => `def test_${pair.name}():\n    ${asserts(pair)}`)
  const last = atEnd(asserts)
  return {
    probes: 2,
    write: ([first, second], body) => {
      if (first === undefined || second === undefined) return body
      const top = lastMatch(body, /^(?:import|from)\b[^\n(]*(?:\([^)]*\))?[^\n]*$/gm)
      return last.write([second], `${body.slice(0, top)}\n${asserts(first)}${body.slice(top)}`)
    },
  }
}

const go: Language = () => ({
  probes: 1,
  write: ([pair], body) =>
    pair === undefined
      ? body
      : `${body.trimEnd()}\n\nfunc Test${pair.name.toUpperCase()}(t *testing.T) {\n\tif got, want := "${pair.got.join('"+"')}", "${pair.wanted.join('"+"')}"; got != want {\n\t\tt.Fatalf("got %s, want %s", got, want)\n\t}\n}\n`,
})

const rustTest = ({ name, got, wanted }: Pair, indent: string): string =>
  [
    `#[test]`,
    `fn ${name}() {`,
    `    assert_eq!(["${got.join('", "')}"].concat(), ["${wanted.join('", "')}"].concat());`,
    `}`,
  ]
    .map((line) => `${indent}${line}\n`)
    .join('')

const rust: Language = (text) => {
  if (/#\[cfg\(test\)\]/.test(text))
    return {
      probes: 1,
      write: ([pair], body) =>
        pair === undefined
          ? body
          : `${body.trimEnd()}\n\n#[cfg(test)]\nmod m${pair.name} {\n${rustTest(pair, '    ')}}\n`,
    }
  return /#\[test\]/.test(text)
    ? {
        probes: 1,
        write: ([pair], body) => (pair === undefined ? body : `${body.trimEnd()}\n\n${rustTest(pair, '')}`),
      }
    : null
}

const complains = ({ got, wanted }: Pair): string =>
  `if [ "${got.join('""')}" != "${wanted.join('""')}" ]; then echo "${got.join('""')}"; exit 1; fi\n`

const shell: Language = () => ({
  probes: 2,
  write: ([first, last], body) => {
    if (first === undefined || last === undefined) return body
    const top = /^#![^\n]*\n/.exec(body)?.[0] ?? ''
    const rest = body.slice(top.length).trimEnd()
    // What a script says is its last command's exit code: the probe after it must not say something else.
    return `${top}${complains(first)}${rest}\n${last.name}=$?\n${complains(last)}(exit $${last.name})\n`
  },
})

/** Where the last match ends; 0: there is none. */
function lastMatch(text: string, pattern: RegExp): number {
  const last = [...text.matchAll(pattern)].at(-1)
  return last === undefined ? 0 : last.index + last[0].length
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
