// One slot with a stand-in for the plan's process: what a stop, a crash and a restart of the supervisor leave.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { DesiredPlan } from '../../../../src/shared/protocol.ts'
import type { Verdict } from '../../../../agent/machine/plan-pipe.ts'
import { mirrorDir, readPaths } from '../../../../agent/machine/paths.ts'
import { findSandbox } from '../../../../agent/sandbox/sandbox.ts'
import type { SandboxKind } from '../../../../agent/sandbox/sandbox.ts'
import { newRecord } from '../../../../agent/slot/plan-orders.ts'
import { loadRecords, saveRecord, saveText, textSha256 } from '../../../../agent/slot/records.ts'
import { createSlot } from '../../../../agent/slot/slot.ts'
import { NO_WORK } from '../../../../agent/git/work-summary.ts'
import { describeWith, needs } from '../../../support/needs.ts'
import { makeRepo } from '../../support/git-backend.ts'
import { until } from '../../support/vm.ts'

const ID = '01990000-0000-8000-8000-000000000001'
const DESIRED: DesiredPlan = {
  id: ID,
  attempt: 1,
  want: 'run',
  final: false,
  removeCheckout: false,
  title: 'Any',
  branch: `agent/${ID}`,
  base: 'main',
  checks: [],
  model: 'claude-opus-5-5',
  effort: 'high',
  onQuestion: 'pause',
  budgetUsd: 10,
  textSha256: textSha256('Do it.'),
  planToken: `aer_plan_${'a'.repeat(40)}.${'b'.repeat(43)}`,
  messages: [],
  ackedEvent: 0,
}

/** `script` is the plan's process. It has `say(message)`, and `start`, a promise of its orders. */
function makeSlot(script: string, sandbox: SandboxKind | null = null) {
  const folder = mkdtempSync(join(tmpdir(), 'slot-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { repo, git } = makeRepo(folder)
  const [bundle, trace] = [join(folder, 'agent.mjs'), join(folder, 'home', 'plan-000000000001', 'trace')]
  writeFileSync(
    bundle,
    `import fs from 'node:fs'
    import readline from 'node:readline'
    const trace = ${JSON.stringify(trace)}
    const say = (message) => fs.writeSync(1, JSON.stringify(message) + '\\n')
    const lines = readline.createInterface({ input: process.stdin })
    process.stdin.on('end', () => process.exit(1))
    const start = new Promise((resolve) => lines.once('line', (line) => resolve(JSON.parse(line))))
    ${script}`,
  )
  const env = { RALPH_HOME: join(folder, 'root'), RALPH_SRV: join(folder, 'srv'), RALPH_NO_USERS: '1' }
  const paths = readPaths({ ...env, RALPH_PLAN_HOMES: join(folder, 'home') }, bundle)
  for (const path of [paths.ralph, paths.workspace]) mkdirSync(path)
  git('clone', '-q', '--mirror', repo, mirrorDir(paths))
  saveText(paths, ID, 'Do it.')
  const forgotten = Promise.withResolvers<void>()
  const broken = { isBroken: false }
  const open = (record = newRecord(DESIRED)) =>
    createSlot(
      {
        paths,
        config: () => ({ url: 'http://127.0.0.1:1', workspace: 'w', vmKey: 'k' }),
        get mayAddUsers() {
          if (broken.isBroken) throw new Error('no users to be had')
          return false
        },
        sandbox,
        refreshMirror: async () => null,
        fetchCheckpoint: async () => null,
        hasRoom: () => true,
        mirrorReady: () => true,
        changed: () => {},
        forgotten: () => forgotten.resolve(),
      },
      record,
    )
  onTestFinished(async () => {
    const last = open()
    last.want({ ...DESIRED, want: 'forget' })
    await forgotten.promise
  })
  return { folder, paths, trace, broken, open, forgotten: forgotten.promise }
}

describeWith(needs.ownSandbox(), 'in a sandbox', () => {
  test('a plan that is forgotten while its sandbox starts never runs', async () => {
    const kind = await findSandbox()
    const { trace, open, forgotten } = makeSlot(
      `fs.writeFileSync(trace, ''); setInterval(() => {}, 1_000)`,
      kind,
    )
    const slot = open()
    slot.want(DESIRED)
    await until(() => slot.isBusy(), 'the start')
    slot.want({ ...DESIRED, want: 'forget' })
    await forgotten
    await sleep(2_000)
    expect(existsSync(trace)).toBe(false)
  })
})

const STOPPED = JSON.stringify({ kind: 'end', end: { kind: 'stopped', work: NO_WORK } })
const event = (text: string) => JSON.stringify({ kind: 'event', type: 'notice', text })

test('what a process wrote before it was stopped is kept, and what is said of the work at the stop', async () => {
  const { folder, open } = makeSlot(`
    const { mode } = await start
    if (mode === 'stop') { say(${event('stays here')}); say(${STOPPED}) }
    else setInterval(() => { if (fs.existsSync('go')) { fs.rmSync('go'); say(${event('the last word')}) } }, 20)`)
  const slot = open()
  slot.want(DESIRED)
  await until(() => slot.isBusy(), 'the start')
  const go = join(folder, 'home/plan-000000000001/go')
  writeFileSync(go, '')
  // Nothing is read meanwhile, so the line waits in the pipe when the stop comes.
  for (const endMs = Date.now() + 60_000; existsSync(go) && Date.now() < endMs;)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  slot.want({ ...DESIRED, want: 'stop' })
  await until(() => slot.record.end !== undefined, 'the end')
  expect(slot.record.events.map(({ text }) => text)).toEqual(['the last word', 'stays here'])
})

test('the fifth death in a row ends the plan, also when the supervisor was started anew in between', async () => {
  const { paths, open } = makeSlot(`
    const { mode } = await start
    if (mode === 'stop') say(${STOPPED})
    else { say(${event('The agent failed: GitError: bad object')}); process.exit(3) }`)
  saveRecord(paths, { ...newRecord(DESIRED), crashes: 4 })
  const slot = open(loadRecords(paths)[0])
  slot.want(DESIRED)
  await until(() => slot.record.end !== undefined, 'the end')
  expect(slot.record.end).toMatchObject({
    kind: 'failed',
    error: expect.stringMatching(/died 5 times in a row.*GitError: bad object/),
  })
  slot.want({ ...DESIRED, attempt: 2, want: 'stop' })
  expect(loadRecords(paths)[0]).not.toHaveProperty('crashes')
})

test('progress sets the count of deaths back, on disk as well', async () => {
  const { paths, open } = makeSlot(`await start; say({ kind: 'progress' }); setInterval(() => {}, 1_000)`)
  const slot = open({ ...newRecord(DESIRED), crashes: 4, lastError: 'x' })
  slot.want(DESIRED)
  await until(() => slot.record.crashes === undefined, 'the progress')
  expect(loadRecords(paths)[0]).not.toHaveProperty('crashes')
})

test('a proof that cannot be ended after its plan died does not end the supervisor', async () => {
  const { folder, broken, open } = makeSlot(
    `await start; setInterval(() => fs.existsSync('go') && process.exit(3), 20)`,
  )
  const slot = open()
  slot.want(DESIRED)
  await until(() => slot.isBusy(), 'the start')
  const unhandled: unknown[] = []
  const hear = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  broken.isBroken = true
  writeFileSync(join(folder, 'home/plan-000000000001/go'), '')
  await until(() => slot.record.crashes === 1, 'its death')
  await sleep(100)
  broken.isBroken = false
  expect(unhandled).toEqual([])
})

test('a record of the version before, whose proof had no number, is still read', () => {
  const { paths } = makeSlot('')
  const verdict: Verdict = { kind: 'revoked' }
  saveRecord(paths, { ...newRecord(DESIRED), proof: { verdict, work: NO_WORK, head: 'a'.repeat(40), n: 3 } })
  const file = join(paths.ralph, 'plans', `${ID}.json`)
  writeFileSync(file, readFileSync(file, 'utf8').replace(',"n":3', ''))
  expect(loadRecords(paths)).toMatchObject([{ id: ID, proof: { n: 0 } }])
})

test('the checkpoint of a plan that is forgotten is removed from the mirror', async () => {
  const { paths, open, forgotten } = makeSlot('')
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', mirrorDir(paths), ...args], { encoding: 'utf8' })
  git('update-ref', `refs/agent/${ID}`, 'refs/heads/main')
  open().want({ ...DESIRED, want: 'forget' })
  await forgotten
  expect(git('for-each-ref', 'refs/agent')).toBe('')
})
