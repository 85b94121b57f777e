// How a check is run in a proof: by name, a second time when it is red, and what an exit code alone does not show.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runChecks } from '../../../../agent/proof/check-runs.ts'
import type { Check } from '../../../../agent/checks/check-list.ts'
import { openHead } from '../../support/proof-bench.ts'

const SUITE = "import { test } from 'node:test'\nimport { answer } from './answer.js'\n"
const TEST = `${SUITE}test('answers', () => { if (answer() !== 42) throw new Error('no') })\n`

async function runOf(answer: string, command = 'node --test') {
  const files = { 'package.json': '{ "type": "module" }\n', 'a.test.js': TEST, 'answer.js': answer }
  const { shell, head, folder } = await openHead({ 'start.txt': 'x\n' }, files)
  const check: Check = { command, shown: command, timeoutMs: 60_000, files: [], kind: 'tests', from: 'base' }
  const [run] = await runChecks(shell, [check], { commit: head, where: 'here' })
  const ran = readFileSync(join(folder, 'home/ran'), 'utf8').length
  return { run, ran }
}

/** Counts its runs in the home of the proof and says how often it ran. */
const COUNTS =
  "import { appendFileSync, readFileSync } from 'node:fs'\nconst file = process.env.HOME + '/ran'\nappendFileSync(file, '.')\nconst times = readFileSync(file, 'utf8').length\n"

test('a green check runs once, and its tests have names', async () => {
  const { run, ran } = await runOf(`${COUNTS}export const answer = () => 42\n`)
  expect(run).toMatchObject({ state: 'passed', flaky: false })
  expect([...(run?.tests ?? [])]).toEqual([['a.test.js > answers', 'passed']])
  expect(ran).toBe(1)
})

test('a red check runs twice and keeps its names', async () => {
  const { run, ran } = await runOf(`${COUNTS}export const answer = () => 41\n`)
  expect(run).toMatchObject({ state: 'failed', flaky: false })
  expect([...(run?.tests ?? [])]).toEqual([['a.test.js > answers', 'failed']])
  expect(ran).toBe(2)
})

test('a check that changes its mind runs a third time by name, and is flaky', async () => {
  const { run, ran } = await runOf(`${COUNTS}export const answer = () => (times === 1 ? 41 : 42)\n`)
  expect(run).toMatchObject({ state: 'passed', flaky: true })
  expect([...(run?.tests ?? [])]).toEqual([['a.test.js > answers', 'passed']])
  expect(ran).toBe(3)
})

test('an exit without tests in the second run is no pass of the tests of the first', async () => {
  const { run } = await runOf(`${COUNTS}if (times > 1) process.exit(0)\nexport const answer = () => 41\n`)
  expect(run?.tests?.get('a.test.js > answers')).not.toBe('passed')
})

test('names are read from the whole output, however long it is', async () => {
  const tap = `for n in $(seq 12000); do echo "ok $n - counts to a rather long name that fills the log, number $n"; done`
  const { run } = await runOf('', `: > ~/ran; echo TAP version 13; ${tap}; echo 1..12000`)
  expect(run?.tests?.size).toBe(12_000)
})
