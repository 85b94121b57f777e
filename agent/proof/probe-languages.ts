// Writes a probe in each test language and says where in a file it goes. Pure.

/** write: the probes in a body, which is the file's text or what of it can stand alone. */
export type Language = (
  text: string,
) => { probes: number; write: (pairs: Pair[], body: string) => string } | null
export interface Pair {
  name: string
  got: [string, string]
  wanted: [string, string]
}

export function languageOf(path: string): Language | null {
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
      const [top, exit] = [lastMatch(body, IMPORTS), lastExit(body)]
      const asked = body === text ? say(first) : throws(first)
      return `${body.slice(0, top)}\n;${asked}${end}\n${body.slice(top, exit).trimEnd()}\n;${throws(last)}${end}\n${body.slice(exit)}`
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
    const main = /^if __name__ ==/m.exec(body)?.index ?? lastExit(body)
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

/** A library may be read in at the top; what it brings along is asked from there on. */
const SOURCES = /^(?:[^\n#]*(?:&&|;)[^\S\n]*)?(?:\.|source)[^\S\n]+[^\n]+$/gm

const shell: Language = (text) => {
  // In the file's own words: `test` and `[` are functions like others, and can be taught to agree.
  const [open, close] = /(?:^|[;&|!\s])test\s/m.test(text) && !/\[\s/.test(text) ? ['test', ''] : ['[', ' ]']
  const asks = ({ got, wanted }: Pair) =>
    `if ${open} "${got.join('""')}" != "${wanted.join('""')}"${close}; then echo "${got.join('""')}"; exit 1; fi\n`
  return {
    probes: 2,
    write: ([first, last], body) => {
      if (first === undefined || last === undefined) return body
      const [top, exit] = [lastMatch(body, SOURCES) || (/^#!.*/.exec(body)?.[0].length ?? 0), lastExit(body)]
      // What a script says is its last command's exit code: the probe after it must not say something else.
      return `${body.slice(0, top)}\n${asks(first)}${body.slice(top, exit).trimEnd()}\n${last.name}=$?\n${asks(last)}(exit $${last.name})\n${body.slice(exit)}`
    },
  }
}

/** Words by which a script may end well before its last line. */
export const ENDS_ITSELF =
  /\bprocess\.(?:exit|reallyExit)\b(?!\(\s*[1-9])|\b(?:sys\.exit|os\._exit|unittest\.main|pytest\.main)\b|(?<![\w.-])(?:exit|quit|exec)\b(?!\s*\(?[1-9])/

/** Where the last line of a script stands that ends it, as `exit $failures` does; the text's end: it just ends. */
export function lastExit(text: string): number {
  const end = text.trimEnd()
  const line = end.lastIndexOf('\n') + 1
  return /^(?:exit\b|process\.exit\(|sys\.exit\(|exit\()/.test(end.slice(line)) ? line : text.length
}

/** Where the last match ends; 0: there is none. */
function lastMatch(text: string, pattern: RegExp): number {
  const last = [...text.matchAll(pattern)].at(-1)
  return last === undefined ? 0 : last.index + last[0].length
}
