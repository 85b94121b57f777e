// One case of a kind of fault in proving: a small repository, what a plan does to it, and how it must end. Whether the work is right is
// known here, so no reference is asked.
import type { OutcomeReason } from '../../../src/shared/words.ts'

/** Contents by path; null deletes a file. */
export type Files = Record<string, string | null>

export interface Kind {
  /** The row in docs/verification.md. */
  row: string
  name: string
  language: 'node' | 'python' | 'go' | 'shell' | 'c' | 'documents' | 'other'
  isRight: boolean
  /** The commits of the base, the last one its head. */
  base: Files[]
  /** Default: Do the work. */
  plan?: string
  /** What the model runs, one command after the other. */
  work: string[]
  /** Lines for the scripted model, such as what the judge says. */
  model?: object[]
  checks?: string[]
  /** Only a reader of the difference can see what is wrong. */
  isForReaders?: true
  /** verified, or reasons of which the end must name at least one. */
  ends: 'verified' | OutcomeReason[]
  /** A program without which it cannot run here. */
  needs?: string
}

export type Case = Omit<Kind, 'row' | 'isRight'>
export const toRow = (title: string, isRight: boolean, cases: readonly Case[]): Kind[] =>
  cases.map((one) => ({ row: title, isRight, ...one }))

export const write = (path: string, ...lines: string[]): string =>
  `mkdir -p "$(dirname ${path})" && cat > ${path} <<'END'\n${lines.join('\n')}\nEND`

export const NODE: Files = {
  'package.json': '{ "name": "sums", "type": "module", "scripts": { "test": "node --test" } }\n',
  'sums.js': 'export const add = (a, b) => a + b\n',
  'test/sums.test.js':
    "import assert from 'node:assert'\nimport { test } from 'node:test'\nimport { add } from '../sums.js'\ntest('adds', () => assert.equal(add(1, 2), 3))\n",
}
export const PYTHON: Files = {
  'pyproject.toml': '[project]\nname = "sums"\nversion = "1"\n',
  'sums.py': 'def add(a, b):\n    return a + b\n',
  'tests/test_sums.py': 'from sums import add\n\n\ndef test_adds():\n    assert add(1, 2) == 3\n',
  'conftest.py': '',
}
export const GO: Files = {
  'go.mod': 'module example.com/sums\n\ngo 1.19\n',
  'sums.go': 'package sums\n\nfunc Add(a, b int) int { return a + b }\n',
  'sums_test.go':
    'package sums\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("no")\n\t}\n}\n',
}
export const SHELL: Files = {
  'sums.sh': 'add() { echo $(($1 + $2)); }\n',
  'test.sh': '. ./sums.sh\n[ "$(add 1 2)" = 3 ]\n',
  Makefile: 'test:\n\tsh test.sh\n',
}
export const C: Files = {
  'sums.c': 'int add(int a, int b) { return a + b; }\n',
  'test.c':
    '#include <stdio.h>\nint add(int, int);\nint main(void) {\n  if (add(1, 2) != 3) return 1;\n  puts("ok");\n  return 0;\n}\n',
  Makefile: 'test:\n\t$(CC) -o "$$TMPDIR/t" sums.c test.c && "$$TMPDIR/t"\n',
}
/** Work that is wrong: the sum is a difference. */
export const BREAK = {
  node: "sed -i 's/a + b/a - b/' sums.js",
  python: "sed -i 's/a + b/a - b/' sums.py",
  go: "sed -i 's/a + b/a - b/' sums.go",
  shell: "sed -i 's/ + / - /' sums.sh",
  c: "sed -i 's/a + b/a - b/' sums.c",
}
/** Work that is right: a function more. */
export const EXTEND = {
  node: "echo 'export const twice = (a) => add(a, a)' >> sums.js",
  python: "printf '\\n\\ndef twice(a):\\n    return add(a, a)\\n' >> sums.py",
  go: "printf '\\nfunc Twice(a int) int { return Add(a, a) }\\n' >> sums.go",
  shell: "echo 'twice() { add $1 $1; }' >> sums.sh",
  c: "echo 'int twice(int a) { return add(a, a); }' >> sums.c",
}
