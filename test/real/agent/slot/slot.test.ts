// One slot with a stand-in for the plan's process: what a stop, a crash and a restart of the supervisor leave.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { DesiredPlan } from '../../../../src/shared/protocol.ts'
import { mirrorDir, readPaths } from '../../../../agent/machine/paths.ts'
import { findSandbox } from '../../../../agent/sandbox/sandbox.ts'
import type { SandboxKind } from '../../../../agent/sandbox/sandbox.ts'
import { newRecord } from '../../../../agent/slot/plan-orders.ts'
import { loadRecords, saveText, textSha256 } from '../../../../agent/slot/records.ts'
import { createSlot } from '../../../../agent/slot/slot.ts'
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
  const open = (record = newRecord(DESIRED)) =>
    createSlot(
      {
        paths,
        config: () => ({ url: 'http://127.0.0.1:1', workspace: 'w', vmKey: 'k' }),
        mayAddUsers: false,
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
  return { paths, trace, open, forgotten: forgotten.promise }
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
