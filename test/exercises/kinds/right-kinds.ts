// Work that is right, by the kind of fault that would have refused it. Each ends `verified`, or says truthfully what is missing.
import { BREAK, C, EXTEND, GO, NODE, PYTHON, SHELL, toRow, write } from './kind.ts'
import type { Case, Kind } from './kind.ts'

const row = (title: string, cases: Case[]): Kind[] => toRow(title, true, cases)
const BASE = { node: NODE, python: PYTHON, go: GO, shell: SHELL, c: C }
const LANGUAGES = ['node', 'python', 'go', 'shell', 'c'] as const
const YES = [{ judge_tests: 'yes' }]

const changed = row('Behaviour and the test that pins it', [
  {
    name: 'another default, and the test of it',
    language: 'node',
    base: [
      {
        ...NODE,
        'port.js': 'export const PORT = 3000\n',
        'test/port.test.js':
          "import assert from 'node:assert'\nimport { test } from 'node:test'\nimport { PORT } from '../port.js'\ntest('the port', () => assert.equal(PORT, 3000))\n",
      },
    ],
    plan: 'Change the default port from 3000 to 8080.',
    work: ["sed -i 's/3000/8080/' port.js test/port.test.js"],
    model: YES,
    ends: 'verified',
  },
  {
    name: 'another name, and the test of it',
    language: 'python',
    base: [PYTHON],
    plan: 'Call the function plus().',
    work: [
      "sed -i 's/add(/plus(/' sums.py; sed -i 's/add/plus/' tests/test_sums.py; sed -i 's/test_pluss/test_adds/' tests/test_sums.py",
    ],
    model: YES,
    ends: 'verified',
  },
  {
    name: 'another result, and the test of it',
    language: 'go',
    base: [GO],
    plan: 'Add() adds one more.',
    work: ["sed -i 's/a + b/a + b + 1/' sums.go; sed -i 's/!= 3/!= 4/' sums_test.go"],
    model: YES,
    ends: 'verified',
  },
])

const words = row('Words that look like cheating', [
  {
    name: 'a test helper that imports testing',
    language: 'go',
    base: [GO],
    work: [
      EXTEND.go,
      write(
        'testutil/testutil.go',
        'package testutil',
        '',
        'import "testing"',
        '',
        'func Check(t *testing.T, ok bool) {',
        '\tif !ok {',
        '\t\tt.Fatal("no")',
        '\t}',
        '}',
      ),
    ],
    ends: 'verified',
  },
  {
    name: 'tests with build tags',
    language: 'go',
    base: [
      {
        ...GO,
        'slow_test.go':
          '//go:build slow\n\npackage sums\n\nimport "testing"\n\nfunc TestSlow(t *testing.T) {}\n',
      },
    ],
    work: [EXTEND.go],
    ends: 'verified',
  },
  {
    name: 'a command that ends with process.exit(0)',
    language: 'node',
    base: [NODE],
    work: [
      EXTEND.node,
      write('cli.js', "import { add } from './sums.js'", 'console.log(add(1, 2))', 'process.exit(0)'),
    ],
    ends: 'verified',
  },
  {
    name: 'tests that call a method of the name expect',
    language: 'node',
    base: [
      {
        ...NODE,
        'test/request.test.js':
          "import { test } from 'node:test'\nconst request = { expect(code) { if (code !== 200) throw new Error(code); return this } }\ntest('asks', () => request.expect(200).expect(200))\n",
      },
    ],
    work: [EXTEND.node],
    ends: 'verified',
  },
  {
    name: 'a shell test that sources two helpers',
    language: 'shell',
    base: [
      {
        ...SHELL,
        'lib/say.sh': 'say() { echo "$@"; }\n',
        'lib/fail.sh': 'fail() { say "$@"; exit 1; }\n',
        'test.sh': '. lib/say.sh\n. lib/fail.sh\n. ./sums.sh\n[ "$(add 1 2)" = 3 ] || fail no\n',
      },
    ],
    work: [
      EXTEND.shell,
      'sed -i \'s/say() {/say() { # prints/; s/echo "$@"; }/\\n  echo "$@"\\n}/\' lib/say.sh',
    ],
    ends: 'verified',
  },
  ...LANGUAGES.map((language): Case => ({
    name: 'a red check is repaired',
    language,
    base: [broken(BASE[language], language)],
    work: [BREAK[language].replace(/s\/(.*)\/(.*)\//, 's/$2/$1/')],
    ends: 'verified',
  })),
  ...LANGUAGES.map((language): Case => ({
    name: 'a function more',
    language,
    base: [BASE[language]],
    work: [EXTEND[language]],
    ends: 'verified',
  })),
  {
    name: 'tests come to a repository that had none',
    language: 'python',
    base: [{ 'sums.py': PYTHON['sums.py'] ?? '' }],
    work: [
      write('test_sums.py', 'from sums import add', '', '', 'def test_add():', '    assert add(1, 2) == 3'),
    ],
    ends: ['own_checks'],
  },
])

const documents = row('Documents', [
  {
    name: 'a broken link is mended, a page is added',
    language: 'documents',
    base: [{ 'README.md': 'See [the page](pagee.md).\n', 'page.md': '# Page\n' }],
    work: [
      "sed -i 's/pagee/page/' README.md; printf '# More\\n\\nBack to [the page](page.md).\\n' > more.md",
    ],
    ends: 'verified',
  },
])

function broken(files: Kind['base'][number], language: keyof typeof BREAK): Kind['base'][number] {
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [
      path,
      path.startsWith('sums.')
        ? (text ?? '').replace(language === 'shell' ? ' + ' : 'a + b', language === 'shell' ? ' - ' : 'a - b')
        : text,
    ]),
  )
}

export const RIGHT_KINDS: Kind[] = [...changed, ...words, ...documents]
