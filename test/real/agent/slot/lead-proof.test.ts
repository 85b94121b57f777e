// What a slot does when a proof is stopped while its user is being made, and when it cannot be begun.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { DesiredPlan } from '../../../../src/shared/protocol.ts'
import { readPaths } from '../../../../agent/machine/paths.ts'
import type { Baseline } from '../../../../agent/proof/baseline.ts'
import { baselineFile, dropOldBaselines, readBaseline } from '../../../../agent/slot/baselines.ts'
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

/** `onBegin` runs when the proof's user is there and its prover is not. `trace` is the file that a started prover writes. */
function slotProof(onBegin: () => void, script = 'setTimeout(() => {}, 90_000)') {
  const folder = mkdtempSync(join(tmpdir(), 'slot-proof-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { repo, git } = makeRepo(folder)
  const bundle = join(folder, 'prover.mjs')
  const trace = join(folder, 'started')
  // It lives for longer than the test.
  writeFileSync(
    bundle,
    `import fs from 'node:fs'; fs.appendFileSync(${JSON.stringify(trace)}, '.'); ${script}`,
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

  const said: unknown[] = []
  const open = (desired = DESIRED) =>
    createSlotProof({
      host: {
        paths,
        config: () => ({ url: 'http://127.0.0.1:1', workspace: 'w', vmKey: 'k' }),
        mayAddUsers: false,
        sandbox: null,
        refreshMirror: async () => null,
        fetchCheckpoint: async () => null,
      },
      record: newRecord(desired),
      text: () => {
        onBegin()
        return ''
      },
      token: () => '',
      save: () => {},
      onPlanMessage: (message) => said.push(message),
    })
  return {
    proof: open(),
    open,
    paths,
    trace,
    said,
    request: { kind: 'prove' as const, head: git('rev-parse', 'main'), n: 1, summary: '' },
  }
}

test('a stop while the user of a proof is made starts no prover and waits for none', async () => {
  const stopped = Promise.withResolvers<void>()
  const { proof, trace, request } = slotProof(() => stopped.resolve(proof.stop()))
  const verdicts: unknown[] = []
  proof.ask(request, (verdict) => verdicts.push(verdict))
  await stopped.promise
  expect(existsSync(trace)).toBe(false)
  expect(verdicts).toEqual([])
})

test('a proof that cannot be begun is tried three times, then says why and leaves the work unverified', async () => {
  let tries = 0
  const { proof, said, request } = slotProof(() => {
    tries++
    throw new Error('no process to be had')
  })
  const answered = Promise.withResolvers<unknown>()
  proof.ask(request, answered.resolve)
  expect(await answered.promise).toMatchObject({ outcome: 'unverified', reasons: ['proof_missing'] })
  expect(tries).toBe(3)
  expect(said).toEqual([
    {
      kind: 'event',
      type: 'error',
      text: 'The baseline came to no end in 3 tries: Error: no process to be had',
    },
  ])
})

const measured = (proof: ReturnType<typeof createSlotProof>, base: string) =>
  new Promise<unknown>((resolve) => proof.baseline(base, resolve))

test("a plan's process that asks for one baseline after the other gets six measured", async () => {
  let tries = 0
  const { proof } = slotProof(() => {
    tries++
    throw new Error('no process to be had')
  })
  const bases = Array.from({ length: 30 }, (_, at) => String(at).padStart(40, '0'))
  expect(new Set(await Promise.all(bases.map((base) => measured(proof, base))))).toEqual(new Set([null]))
  expect(tries).toBe(6 * 3)
})

const KEPT: Baseline = { base: 'a'.repeat(40), setup: null, checks: [] }

test('two plans on the same base share one measurement', async () => {
  const { proof, open, trace, request } = slotProof(
    () => {},
    `let read = ''
    process.stdin.on('data', (part) => {
      read += part
      if (!read.includes('\\n')) return
      const { baselineFile } = JSON.parse(read.split('\\n')[0])
      setTimeout(() => {
        fs.writeFileSync(baselineFile, ${JSON.stringify(JSON.stringify(KEPT))})
        console.log('{"kind":"measured"}')
      }, 1_000)
    })`,
  )
  const other = open({ ...DESIRED, id: '01990000-0000-8000-8000-000000000002' })
  const found = await Promise.all([proof, other].map((one) => measured(one, request.head)))
  expect(found).toEqual([KEPT, KEPT])
  expect(readFileSync(trace, 'utf8')).toBe('.')
})

test('of the baselines the fifty that were used last stay, and a folder in the place of one is in nobody’s way', () => {
  const { paths } = slotProof(() => {})
  const fileOf = (at: number) => baselineFile(paths, { base: String(at), setup: undefined, checks: [] })
  const files = Array.from({ length: 52 }, (_, at) => fileOf(at))
  for (const [at, file] of files.entries()) {
    if (at === 1) mkdirSync(join(file, 'inside'), { recursive: true })
    else writeFileSync(file, JSON.stringify(KEPT))
    utimesSync(file, at, at)
  }
  expect(readBaseline(fileOf(0))).toEqual(KEPT)
  expect(readBaseline(fileOf(1))).toBeNull()
  dropOldBaselines(paths)
  expect(files.filter((file) => !existsSync(file))).toEqual([fileOf(1), fileOf(2)])
})
