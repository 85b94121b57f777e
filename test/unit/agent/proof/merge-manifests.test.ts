// What a proof takes from the base in files that hold both dependencies and settings of tests.
import { describe, expect, test } from 'vitest'
import { graftRustTests, isSameButForSpaces, mergeManifest } from '../../../../agent/proof/merge-manifests.ts'

describe('manifests', () => {
  test('package.json keeps its new packages and gets its scripts and settings of runners back', () => {
    const base = '{"scripts":{"test":"node --test"},"jest":{"bail":true},"dependencies":{"a":"1"}}'
    const head =
      '{"scripts":{"test":"true","pretest":"exit 0","fmt":"x"},"vitest":{},"dependencies":{"a":"1","b":"2"}}'
    expect(JSON.parse(mergeManifest('package.json', base, head))).toEqual({
      scripts: { test: 'node --test', fmt: 'x' },
      jest: { bail: true },
      dependencies: { a: '1', b: '2' },
    })
  })

  test('pyproject.toml keeps its new packages and gets its pytest settings back', () => {
    const base = '[project]\nname = "a"\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
    const head =
      '[project]\nname = "a"\ndependencies = ["b"]\n[tool.pytest.ini_options]\naddopts = "--collect-only"\n'
    expect(mergeManifest('pyproject.toml', base, head)).toBe(
      '[project]\nname = "a"\ndependencies = ["b"]\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
    )
  })

  test('tests inside a Rust file are grafted onto the new source', () => {
    const tests = '#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() { assert_eq!(super::a(), 1); }\n}'
    const base = `pub fn a() -> i32 { 0 }\n\n${tests}\n`
    expect(graftRustTests(base, 'pub fn a() -> i32 { 1 }\n')).toBe(`pub fn a() -> i32 { 1 }\n\n${tests}\n`)
    expect(graftRustTests(base, base.replace('{ 0 }', '{ 1 }'))).toBeNull()
  })

  test.each([
    ['a_test.go', 'x := map{"a":  1}\n', 'x := map{"a": 1}\n', true],
    ['a_test.go', 'f("a  b")\n', 'f("a b")\n', false],
    ['a_test.go', 'x() // a\ny()\n', 'x() // a y()\n', false],
    ['test_a.py', 'if a:\n    b()\n', 'if a:\nb()\n', false],
    ['test_a.py', 'b()  \n\n', 'b()\n', true],
  ])('%s: %j and %j differ in spaces only: %s', (path, base, head, same) => {
    expect(isSameButForSpaces(path, base, head)).toBe(same)
  })
})
