import { expect, test } from 'vitest'
import { withCanary } from '../../agent/canary.ts'

test.each([
  ['test/a.test.js', "import assert from 'node:assert'\ntest('a', () => assert.equal(1, 1))\n", '// '],
  ['tests/test_a.py', 'def test_a():\n    assert True\n', '# '],
  [
    'tests/test_a.py',
    'import unittest\n\n\nclass A(unittest.TestCase):\n    pass\n\n\nif __name__ == "__main__":\n    unittest.main()\n',
    '# ',
  ],
  ['a_test.go', 'package a\n\nfunc TestA(t *testing.T) {}\n', '// '],
  ['src/lib.rs', '#[cfg(test)]\nmod tests {}\n', '// '],
])(
  '%s: a canary asleep has every word of the waking one, and each line it adds is a remark',
  (path, text, mark) => {
    const canary = withCanary(path, text, 'c0ffee')
    const added = (whole: string) =>
      whole.split('\n').filter((line) => line !== '' && !text.split('\n').includes(line))
    expect(canary?.plain).toBe(text)
    expect(added(canary?.asleep ?? '').every((line) => line.startsWith(mark))).toBe(true)
    expect(added(canary?.asleep ?? '').map((line) => line.slice(mark.length))).toEqual(
      added(canary?.text ?? '').filter((line) => line !== ''),
    )
    expect(canary?.text).not.toContain(canary?.marker)
  },
)
