// A canary: a test that must fail, put into the base's own test files. A check that does not notice it is not run, or not believed,
// whatever made it so: an exit at import, a runner replaced, assertions taught to agree. Pure.
export interface Canary {
  path: string
  text: string
  /** Without it. */
  plain: string
  /** With its words as a remark that runs nothing: work that behaves well only where it sees a canary gives itself away here. */
  asleep: string
  /** Shows in the output only when the test really ran: the source holds it in parts. */
  marker: string
}

/** The file with its canary; null: no language of tests we know. tag: a few letters nobody could guess before. */
export function withCanary(path: string, text: string, tag: string): Canary | null {
  const extension = /\.(\w+)$/.exec(path)?.[1] ?? ''
  const marker = `ralph-canary-${tag}`
  const added = /^[cm]?[jt]sx?$/.test(extension)
    ? javascript(text, tag)
    : extension === 'py'
      ? python(text, tag)
      : extension === 'go' && path.endsWith('_test.go')
        ? `func TestRalphCanary_${tag}(t *testing.T) { t.Fatal("ralph-canary" + "-${tag}") }\n`
        : extension === 'rs'
          ? rust(text, tag)
          : null
  if (added === null) return null
  const main = extension === 'py' ? /^if __name__ ==/m.exec(text) : null
  const at = main?.index ?? text.length
  const place = (words: string) =>
    `${text.slice(0, at)}\n${words}${main === null ? '' : '\n\n'}${text.slice(at)}`
  const remark = added.replaceAll(/^(?=.)/gm, extension === 'py' ? '# ' : '// ')
  return { path, text: place(added), plain: text, asleep: place(remark), marker }
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
  if (call === undefined) return /\b(?:assert|expect\w*)\b/.test(text) ? `;${fails}\n` : null
  return `;${call}('ralph canary', () => { ${fails} })\n`
}

function python(text: string, tag: string): string | null {
  const value = `"-".join(["ralph", "canary", "${tag}"])`
  const test = /\bTestCase\b/.test(text)
    ? `import unittest as _ralph_unittest\n\n\nclass TestRalphCanary${tag}(_ralph_unittest.TestCase):\n    def test_canary(self):\n        self.assertEqual(${value}, "")\n`
    : /^\s*(?:async )?def test/m.test(text)
      ? `def test_ralph_canary_${tag}():\n    assert ${value} == ""\n`
      : null
  return test === null ? null : `\n${test}`
}

function rust(text: string, tag: string): string | null {
  const test = `#[test]\nfn ralph_canary_${tag}() { assert_eq!(format!("ralph-canary-{}", "${tag}"), ""); }\n`
  if (/#\[cfg\(test\)\]/.test(text)) return `#[cfg(test)]\nmod ralph_canary_${tag} {\n${test}}\n`
  return /#\[test\]/.test(text) ? test : null
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
