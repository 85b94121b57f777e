// A stop that comes while the proof's own user is being made: there is no prover to kill yet, and none may be started after it.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { DesiredPlan } from '../../../../src/shared/protocol.ts'
import { readPaths } from '../../../../agent/machine/paths.ts'
import { createSlotProof } from '../../../../agent/slot/lead-proof.ts'
import { newRecord } from '../../../../agent/slot/plan-orders.ts'
import { makeRepo } from '../../support/git-backend.ts'

const DESIRED: DesiredPlan = {
  id: '01990000-0000-7000-8000-000000000001',
  attempt: 1,
  want: 'run',
  final: false,
  removeCheckout: false,
  title: 'Any',
  branch: 'agent/01990000-0000-7000-8000-000000000001',
  base: 'main',
  checks: [],
  model: 'claude-opus-5-5',
  effort: 'high',
  onQuestion: 'pause',
  budgetUsd: 10,
  textSha256: '',
  messages: [],
  ackedEvent: 0,
}

test('a stop while the user of a proof is made starts no prover and waits for none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slot-proof-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { repo, git } = makeRepo(folder)
  const bundle = join(folder, 'prover.mjs')
  const trace = join(folder, 'started')
  // Told by its start, and it lives for longer than the test.
  writeFileSync(
    bundle,
    `import fs from 'node:fs'; fs.writeFileSync(${JSON.stringify(trace)}, ''); setTimeout(() => {}, 90_000)`,
  )
  const env = { RALPH_HOME: join(folder, 'root'), RALPH_SRV: join(folder, 'srv'), RALPH_NO_USERS: '1' }
  const paths = readPaths({ ...env, RALPH_PLAN_HOMES: join(folder, 'home') }, bundle)
  for (const path of [paths.ralph, paths.workspace]) mkdirSync(path)
  git('clone', '-q', '--mirror', repo, join(paths.workspace, 'repo.git'))
  writeFileSync(
    join(paths.ralph, 'config.json'),
    JSON.stringify({ url: 'http://127.0.0.1:1', workspace: 'w' }),
  )
  writeFileSync(join(paths.ralph, 'vm.key'), 'aer_vm_key\n')

  const stopped = Promise.withResolvers<void>()
  const proof = createSlotProof({
    host: {
      paths,
      config: () => ({ url: 'http://127.0.0.1:1', workspace: 'w', vmKey: 'k' }),
      mayAddUsers: false,
      refreshMirror: async () => null,
    },
    record: newRecord(DESIRED),
    // Asked for when the user is there and the prover is not.
    text: () => {
      stopped.resolve(proof.stop())
      return ''
    },
    token: () => '',
    save: () => {},
    onPlanMessage: () => {},
  })
  const verdicts: unknown[] = []
  proof.ask({ kind: 'prove', head: git('rev-parse', 'main'), summary: '' }, (verdict) =>
    verdicts.push(verdict),
  )
  await stopped.promise
  expect(existsSync(trace)).toBe(false)
  expect(verdicts).toEqual([])
})
