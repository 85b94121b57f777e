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
    const awake = (canary?.asleep ?? '').replaceAll(new RegExp(`^${mark}`, 'gm'), '')
    expect(canary?.plain).toBe(text)
    expect(awake).toBe(canary?.text)
    const remarks = (canary?.asleep ?? '').split('\n').filter((line) => line.startsWith(mark))
    expect((canary?.asleep ?? '').split('\n').filter((line) => line !== '').length - remarks.length).toBe(
      text.split('\n').filter((line) => line !== '').length,
    )
    expect(canary?.text).not.toContain(canary?.marker)
  },
)
