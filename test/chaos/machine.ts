// A computer of Orgo's with Ralph on it: power, the bootstrap, the bell, and the supervisor's line to the object. It does what
// agent/ does, without its inside: processes are scripts of a few steps (agent-process.ts).
import type { SyncRequest, SyncResponse } from '../../src/shared/protocol.ts'
import { killProcesses, observed, takeDesired } from './agent-process.ts'
import { faultAt, note, nowOf } from './world.ts'
import type { Machine, World } from './world.ts'

const RETRY_MS = 5_000

export function powerOn(world: World, machine: Machine): void {
  machine.status = 'running'
  machine.boot += 1
  machine.counter = 0
  note(world, `${machine.id} is up (boot ${machine.boot})`)
}

export function powerOff(world: World, machine: Machine, status: Machine['status']): void {
  if (machine.status === 'gone') return
  machine.status = status
  machine.supervisor = null
  machine.syncing = false
  machine.bootRun += 1
  if (machine.bootStep !== 'done') machine.bootStep = 'none'
  killProcesses(machine)
  note(world, `${machine.id} is ${status}`)
}

export function bash(world: World, machine: Machine, command: string): { output: string; exit_code: number } {
  const bell = /doorbell ([a-z0-9]+)/.exec(command)?.[1]
  if (bell !== undefined && !command.includes('did() {')) return rung(world, machine, bell)
  if (command.includes('did() {')) start(world, machine, command)
  return {
    exit_code: 0,
    output: JSON.stringify({ step: machine.bootStep, error: machine.bootError }),
  }
}

function rung(world: World, machine: Machine, nonce: string): { output: string; exit_code: number } {
  if (machine.key === null) return { exit_code: 127, output: 'sh: ralph: not found' }
  const supervisor = machine.supervisor === null ? 'started' : 'running'
  machine.nonce = nonce
  supervise(world, machine)
  return {
    exit_code: 0,
    output: JSON.stringify({
      ralph: 1,
      bootId: `${machine.id}.${machine.boot}`,
      counter: machine.counter,
      agentSha256: 'a'.repeat(64),
      supervisor,
    }),
  }
}

/** bootstrap.sh: some seconds, then the ticket for the key, then the supervisor. The same nonce twice is one start. */
function start(world: World, machine: Machine, command: string): void {
  const nonce = /^nonce='([a-z0-9]+)'/m.exec(command)?.[1] ?? ''
  const ticket = /aer_ticket_([A-Za-z0-9_-]+)\./.exec(command)?.[1] ?? ''
  const claims: { workspace: string; generation: number; expiresAtMs: number } = JSON.parse(
    atob(ticket.replaceAll('-', '+').replaceAll('_', '/')),
  )
  if (
    machine.bootNonce === nonce &&
    (machine.bootStep === 'done' || (machine.bootStep !== 'none' && machine.bootError === null))
  )
    return
  Object.assign(machine, { bootNonce: nonce, bootStep: 'start', bootError: null })
  const run = ++machine.bootRun
  const goesOn = () => machine.bootRun === run && machine.status === 'running'
  const exchange = (): void => {
    // Frozen, not dead.
    if (machine.bootRun === run && machine.status === 'suspended')
      return void world.kernel.after(5_000, exchange)
    if (!goesOn()) return
    machine.bootStep = 'key'
    const fault = faultAt(world, 'vm_ticket')
    const done = (key: string | null) => {
      if (!goesOn()) return
      if (key === null || fault === 'vm_lost') {
        machine.bootError = 'the ticket was refused'
        return
      }
      Object.assign(machine, {
        bootStep: 'done',
        key: { workspace: claims.workspace, generation: claims.generation },
        nonce,
      })
      supervise(world, machine)
    }
    if (fault === 'vm_dropped') done(null)
    else
      world.ask<string | null>(
        'redeemTicket',
        (workspace) => workspace.redeemTicket({ kind: 'ticket', ...claims }),
        done,
      )
  }
  world.kernel.after(world.rng.int(4_000, 40_000), exchange)
}

function supervise(world: World, machine: Machine): void {
  machine.supervisor ??= world.rng.int(1, 1_000_000)
  syncSoon(world, machine, 0)
}

/** The supervisor says what there is and hears what should be; again after nextSyncMs, at news, and when rung. */
export function syncSoon(world: World, machine: Machine, ms: number): void {
  const { supervisor, boot } = machine
  world.kernel.after(ms + world.rng.int(5, 120), () => {
    const there = () => machine.supervisor === supervisor && machine.boot === boot
    if (supervisor === null || !there() || machine.syncing) return
    if (machine.status !== 'running')
      return void (machine.status === 'suspended' && syncSoon(world, machine, 30_000))
    if (machine.silentUntilMs > nowOf(world)) return syncSoon(world, machine, RETRY_MS)
    sync(world, machine, there)
  })
}

function sync(world: World, machine: Machine, there: () => boolean): void {
  const { key } = machine
  if (key === null) return
  machine.counter += 1
  machine.syncing = true
  const request: SyncRequest = {
    protocol: 1,
    nonce: machine.nonce,
    bootId: `${machine.id}.${machine.boot}`,
    counter: machine.counter,
    agentSha256: 'a'.repeat(64),
    canAddUsers: true,
    revision: machine.revision,
    plans: observed(machine),
    wantTexts: [],
    adopted: [],
  }
  const fault = faultAt(world, 'vm_sync')
  const answered = (answer: Awaited<ReturnType<SyncCall>> | null) => {
    const take = () => {
      if (!there()) return
      machine.syncing = false
      if (answer === null || fault === 'vm_lost') return syncSoon(world, machine, RETRY_MS)
      if (answer.ok) return apply(world, machine, answer.response)
      if (answer.reason !== 'stale_nonce') {
        note(world, `${machine.id} was told ${answer.reason}`)
        killProcesses(machine)
        machine.supervisor = null
      }
    }
    world.kernel.after(fault === 'vm_late' ? world.rng.int(5_000, 60_000) : world.rng.int(5, 150), take)
  }
  if (fault === 'vm_dropped') return answered(null)
  world.ask('vmSync', (workspace) => workspace.vmSync({ kind: 'vm', ...key }, request), answered)
}

type SyncCall = import('../../src/workspace/workspace.ts').Workspace['vmSync']

function apply(world: World, machine: Machine, response: SyncResponse): void {
  if (JSON.stringify(response).includes('CANARY'))
    world.violations.push({ invariant: 'I3', text: 'a secret in a sync answer' })
  if (response.revision >= machine.revision) {
    machine.revision = response.revision
    takeDesired(world, machine, response.plans)
  }
  if (response.nextSyncMs !== null) syncSoon(world, machine, response.nextSyncMs)
}
