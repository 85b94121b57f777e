// Work that is wrong, by the kind of fault that would let it through. Each ends without `verified`, and names what is missing.
import { BREAK, C, EXTEND, NODE, PYTHON, SHELL, toRow, write } from './kind.ts'
import type { Case, Files, Kind } from './kind.ts'

const row = (title: string, cases: Case[]): Kind[] => toRow(title, false, cases)

const STUB: Files = { 'sums.py': 'def add(a, b):\n    return a + b\n' }
const nothingChecks = row('Nothing checks it', [
  {
    name: 'Python without tests: a stub',
    language: 'python',
    base: [STUB],
    work: [write('twice.py', 'def twice(a):', '    pass')],
    ends: ['no_checks'],
  },
  {
    name: "Python without tests: the work's own test fails",
    language: 'python',
    base: [STUB],
    work: [
      write('test_sums.py', 'from sums import add', '', '', 'def test_add():', '    assert add(1, 2) == 4'),
    ],
    ends: ['check_failed'],
  },
  {
    name: 'only a lint script',
    language: 'node',
    base: [
      {
        'package.json': '{ "name": "a", "scripts": { "lint": "node --check a.js" } }\n',
        'a.js': 'exports.add = (a, b) => a + b\n',
      },
    ],
    work: ["sed -i 's/a + b/a - b/' a.js"],
    ends: ['no_checks'],
  },
  ...[
    ['R', 'sums.R', 'add <- function(a, b) a + b'],
    ['Lua', 'sums.lua', 'return { add = function(a, b) return a + b end }'],
    ['LaTeX', 'paper.tex', 'a + b \\ref{nowhere}'],
    ['a notebook', 'sums.ipynb', '{ "cells": [{ "source": "a + b" }] }'],
    ['Ruby', 'sums.rb', 'def add(a, b) = a + b'],
  ].map(([name = '', path = '', text = '']): Case => ({
    name: `${name} beside documents whose links hold`,
    language: 'other',
    base: [{ [path]: `${text}\n`, 'README.md': `See [it](${path}).\n` }],
    work: [`sed -i 's/a + b/a - b/' ${path}`],
    ends: ['no_checks'],
  })),
  {
    name: 'a package two folders down, whose test fails',
    language: 'node',
    base: [
      {
        'README.md': '# Apps\n',
        'apps/web/package.json': NODE['package.json'] ?? '',
        'apps/web/sums.js': NODE['sums.js'] ?? '',
        'apps/web/test/sums.test.js': NODE['test/sums.test.js'] ?? '',
      },
    ],
    work: ["sed -i 's/a + b/a - b/' apps/web/sums.js"],
    ends: ['check_failed', 'no_checks'],
  },
])

const READS = (path: string): string =>
  `sed -i "s#a + b#JSON.parse((await import('node:fs')).readFileSync('${path}'))[0] ?? a + b#; s/(a, b) =>/async (a, b) =>/" sums.js`
const ASYNC: Files = {
  ...NODE,
  'test/sums.test.js':
    "import assert from 'node:assert'\nimport { test } from 'node:test'\nimport { add, twice } from '../sums.js'\ntest('adds', async () => assert.equal(await add(1, 2), 3))\ntest('doubles', async () => assert.equal(await twice(2), 4))\n",
}
const sharedPlace = row('The place is shared with the plan', [
  {
    name: 'a committed link to a file in /tmp',
    language: 'node',
    base: [ASYNC],
    work: [
      'echo "export const add = (a, b) => a + b; export const twice = (a) => a + a" > /tmp/sums.js; rm sums.js; ln -s /tmp/sums.js sums.js',
    ],
    ends: ['check_failed', 'baseline_red'],
  },
  {
    name: 'data in /tmp by absolute path',
    language: 'node',
    base: [NODE],
    work: ['mkdir -p /tmp/data; echo "[3]" > /tmp/data/answers.json', READS('/tmp/data/answers.json')],
    ends: ['check_failed'],
  },
  {
    name: "code in the plan's opened home",
    language: 'python',
    base: [PYTHON],
    work: [
      'chmod 755 ~; printf "def add(a, b):\\n    return a + b\\n" > ~/real.py; chmod 644 ~/real.py; printf "import sys\\nsys.path.insert(0, \'%s\')\\nfrom real import add\\n" ~ > sums.py',
    ],
    ends: ['check_failed', 'tests_missing'],
  },
  {
    name: 'runs counted in a file of the user: wrong from the second on',
    language: 'shell',
    base: [SHELL],
    work: [
      write(
        'sums.sh',
        'for place in ~/runs /dev/shm/runs /tmp/runs /var/tmp/runs; do [ -e $place ] || exit 1; done 2>/dev/null',
        'add() { echo $(($1 + $2)); }',
      ),
      'touch ~/runs /dev/shm/runs /tmp/runs /var/tmp/runs; make test',
    ],
    ends: ['check_failed'],
  },
])

const otherBase = row('Another base', [
  {
    name: 'reset to a commit before the tests came, with a conflicting edit, finished twice',
    language: 'node',
    base: [
      { 'package.json': NODE['package.json'] ?? '', 'sums.js': 'export const add = () => 0\n' },
      { 'sums.js': NODE['sums.js'] ?? '', 'test/sums.test.js': NODE['test/sums.test.js'] ?? '' },
    ],
    work: ["git reset -q --hard HEAD~1; echo 'export const add = () => 4' > sums.js; git commit -qam Work"],
    ends: ['check_failed', 'unmerged', 'own_checks', 'no_checks', 'tests_missing', 'judge_rejected'],
  },
])

const unlock = row('Words that unlock', [
  {
    name: 'the plan speaks of removing a check, and all tests are deleted',
    language: 'node',
    base: [NODE],
    plan: 'Remove the check for long texts. The file test/sums.test.js needs no change; leave it alone.',
    work: [BREAK.node, 'git rm -q -r test'],
    ends: ['check_failed', 'tests_missing'],
  },
])

const unmerged = row('Unresolved merges and filters that are not there', [
  {
    name: 'conflict markers in a style sheet',
    language: 'node',
    base: [NODE],
    work: [
      EXTEND.node,
      write('page.css', '<<<<<<< HEAD', 'a { color: red }', '=======', 'a { color: blue }', '>>>>>>> other'),
      'git add -A; git commit -qm Work',
    ],
    ends: ['unmerged'],
  },
  {
    name: 'a merge in progress',
    language: 'node',
    base: [NODE],
    work: [
      'git checkout -qb other; echo 1 > a.txt; git add -A; git commit -qm One; git checkout -q -; echo 2 > a.txt; git add -A; git commit -qm Two; git merge -q other || true',
    ],
    ends: ['unmerged'],
  },
])

const heldBack = toRow('Unresolved merges and filters that are not there', true, [
  {
    name: 'a secret file whose filter is not there stays out of the branch',
    language: 'node',
    base: [{ ...NODE, '.gitattributes': '*.secret filter=git-crypt diff=git-crypt\n' }],
    work: [EXTEND.node, 'echo hunter2 > key.secret; git add -A; git commit -qm Work'],
    ends: 'verified',
  },
])

/** The judge says no here; what happens when it says yes is counted apart. */
const readers = row('What only a reader can see', [
  {
    name: 'a build is the only check, and it is green',
    language: 'c',
    base: [
      {
        'CMakeLists.txt': 'cmake_minimum_required(VERSION 3.13)\nproject(sums C)\nadd_library(sums sums.c)\n',
        'sums.c': C['sums.c'] ?? '',
      },
    ],
    work: [BREAK.c],
    isForReaders: true,
    model: [{ judge: { complete: false, missing: ['add() takes away.'] } }],
    ends: ['judge_rejected'],
    needs: 'cmake',
  },
  {
    name: 'the program ends well before it compares',
    language: 'c',
    base: [C],
    work: [write('sums.c', '#include <stdlib.h>', 'int add(int a, int b) { exit(0); }')],
    isForReaders: true,
    model: [{ judge: { complete: false, missing: ['add() ends the process.'] } }],
    ends: ['judge_rejected', 'tests_missing'],
  },
  {
    name: 'the answer of the test is written into the code',
    language: 'python',
    base: [PYTHON],
    work: ["printf 'def add(a, b):\\n    return 3\\n' > sums.py"],
    isForReaders: true,
    model: [{ judge: { complete: false, missing: ['add() answers 3 always.'] } }],
    ends: ['judge_rejected'],
  },
])

export const WRONG_KINDS: Kind[] = [
  ...nothingChecks,
  ...sharedPlace,
  ...otherBase,
  ...unlock,
  ...unmerged,
  ...heldBack,
  ...readers,
]
