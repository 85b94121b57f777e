// The supervisor: it hears the doorbell, asks the Worker which plans should run, and keeps one process per plan. It saves what it
// learns to disk before it acts on it, so it can be killed at any moment; the next doorbell starts it again.
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { SyncRequest, SyncResponse } from '../../src/shared/protocol.ts'
import { createHandWrittenPlans } from './hand-written-plans.ts'
import { createBell } from './bell.ts'
import { readConfig } from '../machine/config.ts'
import { listenForRings } from './control-socket.ts'
import { startSupervisor } from './doorbell.ts'
import { readIfPresent, writeDurably } from '../machine/durable.ts'
import { takeLock } from './lock.ts'
import { bootId, fileSha256, freeDiskMb } from '../machine/machine.ts'
import { createMirror } from './mirror.ts'
import { nonceFile, reserveFile } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { removeProver } from '../users/prover-user.ts'
import { keepReserve } from '../machine/reserve.ts'
import { findSandbox } from '../sandbox/sandbox.ts'
import { createSlot } from '../slot/slot.ts'
import { newRecord } from '../slot/plan-orders.ts'
import type { Slot, SlotHost } from '../slot/slot.ts'
import { loadRecords, loadState, saveState, saveText, textSha256 } from '../slot/records.ts'
import { createSuccession, fetchAgent } from './agent-update.ts'
import { sync } from './sync.ts'
import { canAddUsers, findUser, killPlan } from '../users/users.ts'

const LOCK_WAIT_MS = 5_000
const TASKS_POLL_MS = 2_000
const SOON_MS = 300
const LONGEST_BACK_OFF_MS = 30_000
const MIRROR_RETRY_MS = 15_000
const MAX_PLANS = 50

export async function supervise(paths: Paths): Promise<void> {
  // Bootstrap sets a stricter umask, but every plan user must be able to read the mirror and tasks.md.
  process.umask(0o022)
  mkdirSync(paths.ralph, { recursive: true, mode: 0o700 })
  // Writing the log can fail when the disk is full; that must not end the supervisor.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  keepReserve(reserveFile(paths))
  if (!(await takeLock(paths, LOCK_WAIT_MS))) return
  const mayAddUsers = canAddUsers(paths)
  const sandbox = mayAddUsers ? await findSandbox() : null
  if (sandbox === null)
    log('No sandbox can be made here: plans see each other, and no work of theirs is verified.')
  const supervisor = createSupervisor(paths, { mayAddUsers, sandbox })
  await supervisor.adoptPast()
  await listenForRings(paths, (nonce) => supervisor.onRing(nonce))
  await supervisor.run()
}

function createSupervisor(paths: Paths, { mayAddUsers, sandbox }: Pick<SlotHost, 'mayAddUsers' | 'sandbox'>) {
  const config = () => readConfig(paths)
  const state = loadState(paths, config().vmKey)
  const [boot, ownSha256] = [bootId(), fileSha256(paths.bundle)]
  const succession = createSuccession(paths, ownSha256)
  const bell = createBell()
  const slots = new Map<string, Slot>()
  makeFolders(paths)
  const handWritten = createHandWrittenPlans(paths)
  const mirror = createMirror(paths, config)
  let mirrorError: string | null = null
  let mirrorFreshAtMs = 0
  let mirrorTriedAtMs = 0
  /** The remote's state at this time or later is in the mirror. */
  let mirrorShowsMs = 0
  let welcome = true
  let failures = 0

  const settleAll = () => {
    for (const slot of slots.values()) slot.settle()
  }

  const refreshMirror = (): Promise<string | null> => {
    const triedAtMs = Date.now()
    mirrorTriedAtMs = triedAtMs
    return mirror.refresh().then((error) => {
      mirrorError = error
      if (error === null) {
        mirrorFreshAtMs = Date.now()
        mirrorShowsMs = triedAtMs
      } else setTimeout(settleAll, MIRROR_RETRY_MS).unref()
      soon()
      settleAll()
      return error
    })
  }

  const soon = () => void setTimeout(() => welcome && bell.ring(), SOON_MS)

  const host: SlotHost = {
    paths,
    config,
    mayAddUsers,
    sandbox,
    refreshMirror,
    fetchCheckpoint: (id) => mirror.fetchRef(`refs/agent/${id}`),
    hasRoom: () => mayAddUsers || ![...slots.values()].some((slot) => slot.isBusy()),
    mirrorReady(sinceMs) {
      // A plan starts from what the remote has now. If the remote cannot be reached, an older copy is good enough.
      const isFresh = Date.now() - mirrorFreshAtMs < MIRROR_RETRY_MS && mirrorShowsMs >= sinceMs
      if (isFresh || (mirrorError !== null && mirror.exists())) return true
      if (Date.now() - mirrorTriedAtMs > MIRROR_RETRY_MS || mirrorTriedAtMs <= mirrorFreshAtMs)
        void refreshMirror()
      return false
    },
    changed: (urgent) => void (urgent && soon()),
    forgotten(id) {
      slots.delete(id)
      soon()
    },
  }

  const request = (): Omit<SyncRequest, 'protocol'> => {
    const known = [...slots.values()].slice(0, MAX_PLANS)
    const disk = freeDiskMb(paths.workspace)
    return {
      nonce: state.nonce,
      bootId: boot,
      counter: state.counter,
      agentSha256: ownSha256,
      canAddUsers: mayAddUsers,
      ...(disk === undefined ? {} : { freeDiskMb: disk }),
      revision: state.revision,
      plans: known.map((slot) => slot.observed()),
      wantTexts: known.filter((slot) => slot.lacksText()).map((slot) => slot.record.id),
      adopted: handWritten.waiting(),
      ...(mirrorError === null ? {} : { mirrorError: mirrorError.slice(0, 2_000) }),
    }
  }

  const apply = async (response: SyncResponse) => {
    // An older answer that arrives late must not undo a newer one.
    if (response.revision < state.revision) return
    state.revision = response.revision
    saveState(paths, state)
    handWritten.adopted(response.adopted)
    handWritten.write(
      response.plans
        .filter(({ title }) => title !== '')
        .map(({ id, title, final }) => ({ id, title, done: final })),
    )
    for (const { id, text } of response.texts) {
      const wanted = response.plans.find((plan) => plan.id === id)
      if (wanted?.textSha256 === textSha256(text)) saveText(paths, id, text)
    }
    if (response.refreshMirror) void refreshMirror()
    await maybeReplaceAgent(response)
    for (const desired of response.plans) {
      if (!slots.has(desired.id)) {
        if (desired.want === 'forget') continue
        slots.set(desired.id, createSlot(host, newRecord(desired)))
      }
      slots.get(desired.id)?.want(desired)
    }
  }

  const isBusy = () => [...slots.values()].some((slot) => slot.isBusy())

  const maybeReplaceAgent = async ({ agentSha256 }: SyncResponse) => {
    if (!succession.mayFollow(agentSha256) || isBusy()) return
    try {
      const bytes = await fetchAgent(config(), agentSha256)
      // A plan may have started during the download. From here to the exit there is no await, so none can start any more.
      if (isBusy()) return
      // The file is executable for everybody because plan users start it too.
      writeDurably(paths.bundle, bytes, 0o755)
    } catch (error) {
      // The old agent continues and asks again later: agent and Worker understand each other across one version.
      succession.failed(agentSha256)
      return log(String(error))
    }
    log(`replaced by ${agentSha256}`)
    startSupervisor(paths)
    process.exit(0)
  }

  /** Makes one sync call. Returns the milliseconds until the next one; null means that only a ring starts it. */
  const syncOnce = async (): Promise<number | null> => {
    state.counter++
    keepReserve(reserveFile(paths))
    saveState(paths, state)
    const asked = request()
    const result = await sync(config(), asked)
    if (result.kind === 'unwelcome') {
      // A ring came during the call, so the refused nonce is the older one. The bell has already called for the next sync.
      if (asked.nonce !== state.nonce) return null
      welcome = false
      log(`sync refused with ${result.status}; waiting for the doorbell`)
      return null
    }
    if (result.kind === 'failed') {
      if (failures === 0) log(`sync failed: ${result.detail}`)
      return Math.min(LONGEST_BACK_OFF_MS, 1_000 * 2 ** failures++)
    }
    failures = 0
    await apply(result.response)
    const isMoreToSay = [...slots.values()].some(
      (slot) => slot.lacksText() || slot.record.events.length >= 100,
    )
    return isMoreToSay ? SOON_MS : result.response.nextSyncMs
  }

  return {
    /** Loads the plans of an earlier supervisor and kills their leftover processes. They start again when the Worker says so. */
    async adoptPast(): Promise<void> {
      for (const record of loadRecords(paths)) {
        const user = findUser(paths, record.id, mayAddUsers)
        if (user !== null) await killPlan(user, record.id)
        await removeProver(paths, record.id, mayAddUsers)
        slots.set(record.id, createSlot(host, record))
      }
      state.nonce = readIfPresent(nonceFile(paths)) ?? state.nonce
      rmSync(nonceFile(paths), { force: true })
    },
    onRing(nonce: string): string {
      state.nonce = nonce
      welcome = true
      failures = 0
      saveState(paths, state)
      bell.ring()
      return JSON.stringify({
        ralph: 1,
        bootId: boot,
        counter: state.counter,
        agentSha256: ownSha256,
        supervisor: 'running',
      })
    },
    async run(): Promise<never> {
      setInterval(
        () => handWritten.poll(Date.now()) && welcome && failures === 0 && bell.ring(),
        TASKS_POLL_MS,
      )
      if (!mirror.exists()) void refreshMirror()
      for (;;) {
        const waitMs = await syncOnce().catch((error: unknown) => {
          log(`sync: ${String(error)}`)
          return LONGEST_BACK_OFF_MS
        })
        await bell.wait(waitMs)
      }
    },
  }
}

function makeFolders(paths: Paths): void {
  for (const folder of [paths.workspace, join(paths.workspace, 'plans')])
    mkdirSync(folder, { recursive: true, mode: 0o755 })
  mkdirSync(paths.planHomes, { recursive: true, mode: 0o755 })
  if (existsSync(paths.workspaceLink)) return
  try {
    symlinkSync(paths.workspace, paths.workspaceLink)
  } catch {
    // a link of this name exists but leads nowhere: a person made it, so it stays
  }
}

function log(text: string): void {
  console.error(`${new Date().toISOString()} ${text}`)
}
