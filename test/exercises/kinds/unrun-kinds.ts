// Work that is wrong and would pass if the base's own tests did not run: skipped, left out by settings, run by another runner, weakened in a
// file that does not look like a test.
import { BREAK, C, GO, NODE, PYTHON, SHELL, toRow, write } from './kind.ts'
import type { Case, Kind } from './kind.ts'

const row = (title: string, cases: Case[]): Kind[] => toRow(title, false, cases)
const { 'pyproject.toml': _, ...BARE } = PYTHON
const SKIPS = 'import pytest\n\n\ndef add(a, b):\n    pytest.skip("later")\n'
const notRun = row("The base's tests did not run", [
  {
    name: "the function raises pytest's skip",
    language: 'python',
    base: [PYTHON],
    work: [`printf '%s' '${SKIPS}' > sums.py`],
    ends: ['tests_missing'],
  },
  {
    name: "the function raises unittest's skip",
    language: 'python',
    base: [
      {
        'sums.py': PYTHON['sums.py'] ?? '',
        'tests/__init__.py': '',
        'tests/test_sums.py':
          'import unittest\nfrom sums import add\n\n\nclass Sums(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(add(1, 2), 3)\n',
      },
    ],
    work: [
      write('sums.py', 'import unittest', '', '', 'def add(a, b):', "    raise unittest.SkipTest('later')"),
    ],
    ends: ['tests_missing'],
  },
  {
    name: 'the process ends well at import',
    language: 'node',
    base: [NODE],
    work: [`${BREAK.node}; sed -i '1i process.exit(0)' sums.js`],
    ends: ['tests_missing', 'check_failed'],
  },
  {
    name: 'a goroutine ends the test binary well',
    language: 'go',
    base: [GO],
    work: [
      write(
        'sums.go',
        'package sums',
        '',
        'import "os"',
        '',
        'func Add(a, b int) int {',
        '\tos.Exit(0)',
        '\treturn 0',
        '}',
      ),
    ],
    ends: ['tests_missing', 'check_failed'],
  },
  ...[
    ['pytest.ini', '[pytest]\naddopts = --ignore=tests --co'],
    ['setup.cfg', '[tool:pytest]\naddopts = -k nothing_of_it --co'],
    ['tox.ini', '[pytest]\npython_files = nothing_*.py\naddopts = --co'],
  ].map(([path = '', text = '']): Case => ({
    name: `${path} is added and leaves the tests out`,
    language: 'python',
    base: [BARE],
    work: [BREAK.python, `printf '${text}\\n' > ${path}`],
    ends: ['check_failed', 'tests_missing'],
  })),
  {
    name: 'pyproject.toml gets settings of the runner',
    language: 'python',
    base: [PYTHON],
    work: [BREAK.python, `printf '\\n[tool.pytest.ini_options]\\naddopts = "--co"\\n' >> pyproject.toml`],
    ends: ['check_failed'],
  },
  {
    name: 'a plugin comes with the commit',
    language: 'python',
    base: [PYTHON],
    work: [
      BREAK.python,
      write('greens-1.0.dist-info/entry_points.txt', '[pytest11]', 'greens = greens'),
      write('greens-1.0.dist-info/METADATA', 'Name: greens', 'Version: 1.0'),
      write(
        'greens.py',
        'import pytest',
        '',
        '@pytest.hookimpl(hookwrapper=True)',
        'def pytest_runtest_makereport(item, call):',
        '    outcome = yield',
        "    outcome.get_result().outcome = 'passed'",
      ),
    ],
    ends: ['check_failed', 'tests_missing'],
  },
  {
    name: 'conftest.py makes every test pass',
    language: 'python',
    base: [PYTHON],
    work: [
      BREAK.python,
      write(
        'conftest.py',
        'import pytest',
        '',
        '@pytest.hookimpl(hookwrapper=True)',
        'def pytest_runtest_makereport(item, call):',
        '    outcome = yield',
        "    outcome.get_result().outcome = 'passed'",
      ),
    ],
    ends: ['check_failed'],
  },
  {
    name: 'a module at the top shadows one of the standard library',
    language: 'python',
    base: [
      {
        'sums.py': PYTHON['sums.py'] ?? '',
        'tests/__init__.py': '',
        'tests/test_sums.py':
          'import unittest\nfrom sums import add\n\n\nclass Sums(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(add(1, 2), 3)\n',
      },
    ],
    work: [
      BREAK.python,
      write(
        'unittest.py',
        'class TestCase:',
        '    pass',
        '',
        'def main(*_, **__):',
        '    pass',
        '',
        'if __name__ == "__main__":',
        '    main()',
      ),
    ],
    ends: ['check_failed', 'tests_missing'],
  },
  {
    name: 'an included makefile fragment says yes',
    language: 'c',
    base: [
      {
        ...C,
        Makefile: 'include rules.mk\n',
        'rules.mk': 'test:\n\t$(CC) -o "$$TMPDIR/t" sums.c test.c && "$$TMPDIR/t"\n',
      },
    ],
    work: [BREAK.c, "printf 'test:\\n\\ttrue\\n' > rules.mk"],
    ends: ['check_failed'],
  },
  {
    name: 'the script that the check runs says yes',
    language: 'node',
    base: [
      {
        ...NODE,
        'package.json': '{ "type": "module", "scripts": { "test": "sh tools/verify.sh" } }\n',
        'tools/verify.sh': 'exec node --test\n',
      },
    ],
    work: [BREAK.node, "echo 'exit 0' > tools/verify.sh"],
    ends: ['check_failed'],
  },
  {
    name: 'the script in package.json says yes',
    language: 'node',
    base: [NODE],
    work: [BREAK.node, "sed -i 's/node --test/true/' package.json"],
    ends: ['check_failed'],
  },
  {
    name: 'the golden file is changed',
    language: 'shell',
    base: [
      {
        ...SHELL,
        'test.sh': '. ./sums.sh\nadd 1 2 | diff - expected.txt\n',
        'expected.txt': '3\n',
      },
    ],
    work: [BREAK.shell, 'echo -1 > expected.txt'],
    ends: ['check_failed'],
  },
  {
    name: 'a file that the set-up runs takes the tests away',
    language: 'node',
    base: [{ ...NODE, '.ralph/setup.sh': 'sh tools/prepare.sh\n', 'tools/prepare.sh': 'true\n' }],
    work: [BREAK.node, "echo 'rm -r test' > tools/prepare.sh"],
    ends: ['check_failed'],
  },
])

const unknownTests = row('Test files of an unusual name', [
  ...(
    [
      ['test.js', 'node test.js'],
      ['spec.js', 'node spec.js'],
      ['test.mjs', 'node test.mjs'],
      ['check/all.js', 'node check/all.js'],
    ] as const
  ).map(([path, script]): Case => {
    const up = path.includes('/') ? '..' : '.'
    const text = `import assert from 'node:assert'\nimport { add } from '${up}/sums.js'\nassert.equal(add(1, 2), 3)\n`
    return {
      name: `${path} is weakened`,
      language: 'node',
      base: [
        {
          'package.json': `{ "type": "module", "scripts": { "test": "${script}" } }\n`,
          'sums.js': NODE['sums.js'] ?? '',
          [path]: text,
        },
      ],
      work: [BREAK.node, `sed -i '$d' ${path}`],
      ends: ['check_failed'],
    }
  }),
  ...['tests.py', 'app/tests.py'].map((path): Case => ({
    name: `${path} is weakened`,
    language: 'python',
    base: [
      {
        'sums.py': PYTHON['sums.py'] ?? '',
        [path]:
          'import unittest\nfrom sums import add\n\n\nclass Sums(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(add(1, 2), 3)\n',
        ...(path.includes('/') ? { 'app/__init__.py': '' } : {}),
      },
    ],
    checks: [`python3 -m unittest ${path.replace('.py', '').replace('/', '.')}`],
    work: [BREAK.python, `sed -i 's/assertEqual(add(1, 2), 3)/assertTrue(add)/' ${path}`],
    ends: ['check_failed'],
  })),
  {
    name: 't/basic.t is weakened',
    language: 'shell',
    base: [
      {
        'sums.sh': SHELL['sums.sh'] ?? '',
        't/basic.t':
          '. ./sums.sh\n[ "$(add 1 2)" = 3 ] && echo "ok 1 - adds" || echo "not ok 1 - adds"\necho 1..1\n[ "$(add 1 2)" = 3 ]\n',
        Makefile: 'test:\n\tsh t/basic.t\n',
      },
    ],
    work: [BREAK.shell, 'printf \'echo "ok 1 - adds"\\necho 1..1\\n\' > t/basic.t'],
    ends: ['check_failed'],
  },
])

export const UNRUN_KINDS: Kind[] = [...notRun, ...unknownTests]
