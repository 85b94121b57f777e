// `npm run repositories` on a repository made here: its second commit is verified, the same with a mistake is not.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runJobs } from '../repositories/lab.ts'
import { describe as describeResult, toReport } from '../repositories/report.ts'
import { readWork } from '../repositories/work.ts'
import { describeWith, needs } from '../support/needs.ts'

const TEST =
  "import assert from 'node:assert'\nimport { test } from 'node:test'\nimport { add } from '../sums.js'\ntest('adds', () => assert.equal(add(1, 2), 3))\n"

describeWith(needs.ownSandbox(), 'a public repository', () => {
  test('its commit is verified, and the same with a mistake is not', { timeout: 1_200_000 }, async () => {
    const mirrors = mkdtempSync(join(tmpdir(), 'mirrors-'))
    onTestFinished(() => rmSync(mirrors, { recursive: true, force: true }))
    const repository = join(mirrors, 'work')
    mkdirSync(join(repository, 'test'), { recursive: true })
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', repository, '-c', 'user.name=T', '-c', 'user.email=t@e', ...args], {
        encoding: 'utf8',
      }).trim()
    const commit = (message: string, text: string) => {
      writeFileSync(join(repository, 'sums.js'), text)
      git('add', '-A')
      git('commit', '-q', '-m', message)
      return git('rev-parse', 'HEAD')
    }
    git('init', '-q')
    writeFileSync(
      join(repository, 'package.json'),
      '{ "type": "module", "scripts": { "test": "node --test" } }\n',
    )
    writeFileSync(join(repository, 'test/sums.test.js'), TEST)
    commit('Start', 'export const add = (a, b) => a + b\n')
    const right = commit('feat: add three numbers (#1)', 'export const add = (a, b, c = 0) =>\n  a + b + c\n')
    git('clone', '-q', '--bare', repository, join(mirrors, 'own+sums'))
    const one = {
      repository: 'own/sums',
      commit: right,
      mutant: { file: 'sums.js', line: 2, from: 'a + b', to: 'a - b' },
    }
    const work = readWork(mirrors, one)
    expect(work.plan).toBe('Add three numbers')
    const results = await runJobs({
      jobs: [
        { case: one, work, kind: 'right' },
        { case: one, work, kind: 'wrong' },
      ],
      lanes: 2,
      onResult: () => {},
    })
    expect(Object.fromEntries(results.map(({ job, verified }) => [job.kind, verified]))).toEqual({
      right: true,
      wrong: false,
    })
    expect(toReport(results).passed).toBe(true)
    expect(results.map(describeResult).join('\n')).toContain('npm test: failed (base passed)')
  })
})
