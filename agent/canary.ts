// A canary: a test that must fail, put into the base's own test files. A check that does not notice it is not run, or not believed,
// whatever made it so: an exit at import, a runner replaced, assertions taught to agree. Pure.
export interface Canary {
  path: string
  text: string
  /** Without it. */
  plain: string
  /** Shows in the output only when the test really ran: the source holds it in parts. */
  marker: string
}

/** The file with its canary; null: no language of tests we know. tag: a few letters nobody could guess before. */
export function withCanary(path: string, text: string, tag: string): Canary | null {
  const extension = /\.(\w+)$/.exec(path)?.[1] ?? ''
  const marker = `ralph-canary-${tag}`
  const made = /^[cm]?[jt]sx?$/.test(extension)
    ? javascript(text, tag)
    : extension === 'py'
      ? python(text, tag)
      : extension === 'go' && path.endsWith('_test.go')
        ? `${text}\nfunc TestRalphCanary_${tag}(t *testing.T) { t.Fatal("ralph-canary" + "-${tag}") }\n`
        : extension === 'rs'
          ? rust(text, tag)
          : null
  return made === null ? null : { path, text: made, plain: text, marker }
}

function javascript(text: string, tag: string): string | null {
  const value = `['ralph', 'canary', '${tag}'].join('-')`
  // In the file's own words: an assertion taught to agree must be asked, not gone around.
  const fails = /\bexpect\s*\(/.test(text)
    ? `expect(${value}).toBe('')`
    : /\bassert\.(?:\w*[eE]qual)\b/.test(text)
      ? `assert.equal(${value}, '')`
      : `throw new Error(${value})`
  const call = /(?:^|[^\w.])(test|it)\s*\(/m.exec(text)?.[1]
  if (call === undefined) return /\b(?:assert|expect\w*)\b/.test(text) ? `${text}\n;${fails}\n` : null
  return `${text}\n;${call}('ralph canary', () => { ${fails} })\n`
}

function python(text: string, tag: string): string | null {
  const value = `"-".join(["ralph", "canary", "${tag}"])`
  const test = /\bTestCase\b/.test(text)
    ? `import unittest as _ralph_unittest\n\n\nclass TestRalphCanary${tag}(_ralph_unittest.TestCase):\n    def test_canary(self):\n        self.assertEqual(${value}, "")\n`
    : /^\s*(?:async )?def test/m.test(text)
      ? `def test_ralph_canary_${tag}():\n    assert ${value} == ""\n`
      : null
  if (test === null) return null
  const main = /^if __name__ ==/m.exec(text)
  return main === null
    ? `${text}\n\n${test}`
    : `${text.slice(0, main.index)}${test}\n\n${text.slice(main.index)}`
}

function rust(text: string, tag: string): string | null {
  const test = `#[test]\nfn ralph_canary_${tag}() { assert_eq!(format!("ralph-canary-{}", "${tag}"), ""); }\n`
  if (/#\[cfg\(test\)\]/.test(text)) return `${text}\n#[cfg(test)]\nmod ralph_canary_${tag} {\n${test}}\n`
  return /#\[test\]/.test(text) ? `${text}\n${test}` : null
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
