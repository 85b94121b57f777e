// Work that is right in the world as it is: set-up that cannot succeed, npm's habits, what CI sees, suites in other languages.
import { C, EXTEND, NODE, PYTHON, SHELL, toRow } from './kind.ts'
import type { Case, Kind } from './kind.ts'

const row = (title: string, cases: Case[]): Kind[] => toRow(title, true, cases)

const setup = row('Set-up that fails at the base too', [
  {
    name: 'a set-up that cannot download',
    language: 'node',
    base: [{ ...NODE, '.ralph/setup.sh': 'echo the host cannot be reached; exit 1\n' }],
    work: [EXTEND.node],
    ends: ['setup_failed'],
  },
])

const npm = row("npm's world", [
  {
    name: 'a script that asks for npm_config_user_agent, npm_execpath and INIT_CWD',
    language: 'node',
    base: [
      {
        ...NODE,
        'package.json':
          '{ "type": "module", "scripts": { "test": "test -n \\"$npm_config_user_agent\\" && test -n \\"$npm_execpath\\" && test -n \\"$INIT_CWD\\" && node --test" } }\n',
      },
    ],
    work: [EXTEND.node],
    ends: 'verified',
  },
  ...['check', 'unit', 'test:unit'].map((name): Case => ({
    name: `only a script named ${name}`,
    language: 'node',
    base: [{ ...NODE, 'package.json': `{ "type": "module", "scripts": { "${name}": "node --test" } }\n` }],
    work: [EXTEND.node],
    ends: 'verified',
  })),
  {
    name: 'a set-up command meant for another image gives way',
    language: 'node',
    base: [
      {
        ...NODE,
        '.devcontainer/devcontainer.json': '{ "postCreateCommand": "mise install && rbenv rehash" }\n',
      },
    ],
    work: [EXTEND.node],
    ends: 'verified',
  },
])

const ci = row('Checks see what CI sees', [
  {
    name: 'no NO_COLOR and no TERM=dumb',
    language: 'shell',
    base: [
      {
        ...SHELL,
        'test.sh': '. ./sums.sh\n[ -z "$NO_COLOR" ] && [ "$TERM" != dumb ] && [ "$(add 1 2)" = 3 ]\n',
      },
    ],
    work: [EXTEND.shell],
    ends: 'verified',
  },
  {
    name: 'a script that rewrites files is no check',
    language: 'node',
    base: [
      {
        ...NODE,
        'package.json':
          '{ "type": "module", "scripts": { "test": "node --test", "lint": "eslint --fix ." } }\n',
      },
    ],
    work: [EXTEND.node],
    ends: 'verified',
  },
  {
    name: 'a program of a check is not there',
    language: 'shell',
    base: [SHELL],
    checks: ['no-such-program --all'],
    work: [EXTEND.shell],
    ends: ['tool_missing'],
  },
  {
    name: 'a check is killed',
    language: 'shell',
    base: [SHELL],
    checks: ['kill -KILL $$'],
    work: [EXTEND.shell],
    ends: ['check_killed'],
  },
  {
    name: 'a check that fails once is named flaky',
    language: 'node',
    base: [
      {
        ...NODE,
        'test/late.test.js':
          "import { existsSync, writeFileSync } from 'node:fs'\nimport { test } from 'node:test'\nconst file = process.env.HOME + '/was-here'\ntest('late', () => { if (!existsSync(file)) { writeFileSync(file, ''); throw new Error('not yet') } })\n",
      },
    ],
    work: [EXTEND.node],
    ends: 'verified',
  },
])

const languages = row('Suites in other forms', [
  {
    name: 'CMake with ctest',
    language: 'c',
    base: [
      {
        'CMakeLists.txt':
          'cmake_minimum_required(VERSION 3.13)\nproject(sums C)\nenable_testing()\nadd_executable(t sums.c test.c)\nadd_test(NAME sums COMMAND t)\n',
        'sums.c': C['sums.c'] ?? '',
        'test.c': C['test.c'] ?? '',
      },
    ],
    work: [EXTEND.c],
    ends: 'verified',
    needs: 'ctest',
  },
  {
    name: 'bats',
    language: 'shell',
    base: [
      {
        'sums.sh': SHELL['sums.sh'] ?? '',
        'test/sums.bats': '@test "adds" {\n  . ./sums.sh\n  [ "$(add 1 2)" = 3 ]\n}\n',
      },
    ],
    work: [EXTEND.shell],
    ends: 'verified',
    needs: 'bats',
  },
  {
    name: 'a Makefile beside a suite that is detected already',
    language: 'python',
    base: [{ ...PYTHON, Makefile: 'test:\n\tno-such-runner\n' }],
    work: [EXTEND.python],
    ends: 'verified',
  },
  {
    name: 'dependency groups',
    language: 'python',
    base: [
      { ...PYTHON, 'pyproject.toml': `${PYTHON['pyproject.toml'] ?? ''}\n[dependency-groups]\ntest = []\n` },
    ],
    work: [EXTEND.python],
    ends: 'verified',
  },
])

export const WORLD_KINDS: Kind[] = [...setup, ...npm, ...ci, ...languages]
