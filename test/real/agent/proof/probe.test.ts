// Probes in real test files, run by what really runs them: they must change nothing of what a file says, and be heard when they differ.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { plantProbes } from '../../../../agent/proof/plant-probes.ts'
import { describeWith, needs } from '../../../support/needs.ts'

const HEX = '0123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210'

interface Style {
  file: string
  run: string
  /** The file, about something that holds or does not. */
  text: (holds: boolean) => string
  beside?: Record<string, string>
  needs?: 'go' | 'pytest' | 'python'
}

const STYLES: Record<string, Style> = {
  'a shell script whose last command says it': {
    file: 'tests/check.sh',
    run: 'sh tests/check.sh',
    text: (holds) => `#!/bin/sh\n[ 1 = ${holds ? 1 : 2} ]\n`,
  },
  'a shell script that stops at its first failure': {
    file: 'tests/check.sh',
    run: 'bash tests/check.sh',
    text: (holds) => `set -eu\n[ 1 = ${holds ? 1 : 2} ]\necho on\n`,
  },
  'a shell script that counts': {
    file: 'tests/check.sh',
    run: 'sh tests/check.sh',
    text: (holds) => `failures=0\n[ 1 = ${holds ? 1 : 2} ] || failures=1\nexit $failures`,
  },
  'node --test': {
    file: 'test/a.test.mjs',
    run: 'node --test test/a.test.mjs',
    text: (holds) =>
      `import assert from 'node:assert'\nimport { test } from 'node:test'\ntest('a', () => assert.equal(1, ${holds ? 1 : 2}))\n`,
  },
  'a Node script that sets its exit code': {
    file: 'test/a.js',
    run: 'node test/a.js',
    text: (holds) => `if (1 !== ${holds ? 1 : 2}) process.exitCode = 1;\n`,
  },
  'a Node script that ends itself': {
    file: 'test/a.js',
    run: 'node test/a.js',
    text: (holds) => `let failures = 0\nif (1 !== ${holds ? 1 : 2}) failures++\nprocess.exit(failures)\n`,
  },
  unittest: {
    needs: 'python',
    file: 'test_a.py',
    run: 'python3 -m unittest test_a',
    text: (holds) =>
      `import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, ${holds ? 1 : 2})\n`,
  },
  pytest: {
    needs: 'pytest',
    file: 'test_a.py',
    run: 'python3 -m pytest -q test_a.py',
    text: (holds) => `def test_a():\n    assert 1 == ${holds ? 1 : 2}\n`,
  },
  'a Python script': {
    needs: 'python',
    file: 'test_a.py',
    run: 'python3 test_a.py',
    text: (holds) => `import sys\n\nif 1 != ${holds ? 1 : 2}:\n    sys.exit("differs")\n`,
  },
  'go test': {
    needs: 'go',
    file: 'a_test.go',
    run: 'go test ./...',
    beside: { 'go.mod': 'module a\n\ngo 1.19\n' },
    text: (holds) =>
      `package a\n\nimport "testing"\n\nfunc TestA(t *testing.T) {\n\tif 1 != ${holds ? 1 : 2} {\n\t\tt.Fatal("differs")\n\t}\n}\n`,
  },
}

/** Exit code and output of the run with this text in the file. */
function outcome({ file, run, beside = {} }: Style, text: string): { code: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'probe-'))
  try {
    for (const [path, content] of Object.entries({ ...beside, [file]: text })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      GOFLAGS: '-mod=mod',
      GOTOOLCHAIN: 'local',
    }
    delete env['NODE_TEST_CONTEXT'] // a run within a run reports differently
    const { status, stdout, stderr } = spawnSync('sh', ['-c', run], { cwd: folder, env, encoding: 'utf8' })
    return { code: status, output: stdout + stderr }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function tryOut(style: Style): void {
  const planted = (holds: boolean) => {
    const plant = plantProbes(style.file, style.text(holds), HEX)
    if (plant === null) throw new Error(`no probes for ${style.file}`)
    return plant
  }

  test('says with agreeing probes what it says without', () => {
    expect(outcome(style, style.text(true)).code).toBe(0)
    expect(outcome(style, planted(true).text(new Set())).code).toBe(0)
    expect(outcome(style, style.text(false)).code).not.toBe(0)
    expect(outcome(style, planted(false).text(new Set())).code).not.toBe(0)
  })

  test('fails aloud when its first probe differs, by a word that stands in no source', () => {
    const plant = planted(true)
    const [marker = ''] = plant.markers
    const failing = plant.text(new Set([0]))
    expect(failing).not.toContain(marker)
    for (const written of [failing, plant.alone()]) {
      const { code, output } = outcome(style, written)
      expect(code).not.toBe(0)
      expect(output).toContain(marker)
    }
  })
}

for (const [name, style] of Object.entries(STYLES))
  describeWith(style.needs === undefined ? null : needs[style.needs](), name, () => tryOut(style))
