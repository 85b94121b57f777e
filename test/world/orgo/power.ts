// Switches computers on and off: it boots, halts, suspends and wakes the sandbox behind a computer, one step at a time
// per computer, and keeps its status true. computers.ts builds Orgo's calls from these steps.

import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Computer, ComputerStatus, OrgoProfile } from './model.ts'
import type { Machine, Sandbox } from './sandbox.ts'
import type { Store } from './store.ts'

const WAS_ON: ComputerStatus[] = ['creating', 'starting', 'running', 'restarting', 'suspended']

type Runtime = {
  machine: Machine | undefined
  agentReadyAtMs: number
  lastActivityMs: number
  callsInFlight: number
  /** The last step queued for this computer. */
  queue: Promise<void>
}

export type PowerOptions = {
  store: Store
  sandbox: Sandbox
  profile: OrgoProfile
  log: (line: string) => void
}

export function createPower(options: PowerOptions) {
  const { store, sandbox, profile } = options
  const runtimes = new Map<string, Runtime>()
  let isClosed = false

  function runtimeOf(computer: Computer): Runtime {
    const known = runtimes.get(computer.id)
    if (known !== undefined) return known
    const queue = Promise.resolve()
    const fresh = {
      machine: undefined,
      agentReadyAtMs: 0,
      lastActivityMs: Date.now(),
      callsInFlight: 0,
      queue,
    }
    runtimes.set(computer.id, fresh)
    return fresh
  }

  function setStatus(computer: Computer, status: ComputerStatus): void {
    // A computer that ends because the stand-in closes was running, and boots again at the next start.
    if (isClosed) return
    computer.status = status
    store.save()
  }

  /** Runs a step after every earlier one of this computer. Errors: those of the step; later steps still run. */
  function inTurn(computer: Computer, step: () => Promise<void>): Promise<void> {
    const runtime = runtimeOf(computer)
    const done = runtime.queue.then(step)
    runtime.queue = done.catch(() => {})
    return done
  }

  async function bootNow(computer: Computer): Promise<void> {
    const runtime = runtimeOf(computer)
    if (isClosed || runtime.machine !== undefined || !store.computers.has(computer.id)) return
    computer.bootId = randomUUID()
    computer.vncPassword = randomBytes(8).toString('hex')
    setStatus(computer, computer.status === 'restarting' ? 'restarting' : 'starting')
    let hasEnded = false
    const onExit = () => {
      hasEnded = true
      if (runtime.machine === undefined || runtime.machine !== booted) return
      runtime.machine = undefined
      setStatus(computer, 'stopped')
    }
    let booted: Machine | undefined
    try {
      const runDir = store.computerDir(computer.id)
      const { id, image, bootId } = computer
      booted = await sandbox.boot({ id, image, bootId, diskDir: join(runDir, 'disk'), runDir, onExit })
      if (computer.isDiskFull) await booted.setDiskFull(true)
      if (hasEnded) throw new Error('it ended at once')
    } catch (error) {
      await booted?.kill()
      options.log(`orgo: ${computer.name} does not boot: ${String(error)}`)
      setStatus(computer, 'error')
      return
    }
    runtime.machine = booted
    runtime.agentReadyAtMs = Date.now() + profile.agentDelayMs
    runtime.lastActivityMs = Date.now()
    setStatus(computer, 'running')
  }

  async function haltNow(computer: Computer): Promise<void> {
    const runtime = runtimeOf(computer)
    const { machine } = runtime
    runtime.machine = undefined
    await machine?.kill()
  }

  /** Ends every process and keeps the disk. */
  function halt(computer: Computer, status: ComputerStatus): Promise<void> {
    return inTurn(computer, async () => {
      await haltNow(computer)
      setStatus(computer, status)
    })
  }

  /** Writes the disk by `makeDisk`, then boots. Failures end in status `error`. */
  async function firstBoot(
    computer: Computer,
    makeDisk: (diskDir: string) => Promise<unknown>,
  ): Promise<void> {
    await inTurn(computer, async () => {
      const diskDir = join(store.computerDir(computer.id), 'disk')
      try {
        rmSync(diskDir, { recursive: true, force: true })
        mkdirSync(store.computerDir(computer.id), { recursive: true, mode: 0o700 })
        await makeDisk(diskDir)
      } catch (error) {
        options.log(`orgo: no disk for ${computer.name}: ${String(error)}`)
        setStatus(computer, 'error')
        return
      }
      await bootNow(computer)
    })
  }

  return {
    runtimeOf,
    setStatus,
    inTurn,
    halt,
    firstBoot,
    start: (computer: Computer) => inTurn(computer, () => bootNow(computer)),

    restart(computer: Computer): Promise<void> {
      setStatus(computer, 'restarting')
      return inTurn(computer, async () => {
        await haltNow(computer)
        await bootNow(computer)
      })
    },

    suspend(computer: Computer): Promise<void> {
      return inTurn(computer, async () => {
        if (computer.status !== 'running') return
        if (profile.suspendKeepsProcesses) await runtimeOf(computer).machine?.freeze()
        else await haltNow(computer)
        setStatus(computer, 'suspended')
      })
    },

    /** An action on a suspended computer wakes it; on any other it only counts as activity. */
    wake(computer: Computer): Promise<void> {
      return inTurn(computer, async () => {
        const runtime = runtimeOf(computer)
        runtime.lastActivityMs = Date.now()
        if (computer.status !== 'suspended') return
        if (runtime.machine === undefined) return await bootNow(computer)
        await runtime.machine.thaw()
        setStatus(computer, 'running')
      })
    },

    /** Ends the processes and forgets the runtime; the caller removes the disk. */
    async forget(computer: Computer): Promise<void> {
      await inTurn(computer, () => haltNow(computer))
      runtimes.delete(computer.id)
    },

    /** Boots the computer again from its disk, without its processes, after the host failed. */
    bootAgain(computer: Computer): Promise<void> {
      if (computer.status === 'stopping') setStatus(computer, profile.stopStatus)
      if (!WAS_ON.includes(computer.status)) return Promise.resolve()
      setStatus(computer, 'starting')
      // It never booted, so its disk may be incomplete and is made again.
      if (computer.bootId === '') return firstBoot(computer, (dir) => sandbox.format(dir, computer.image))
      return inTurn(computer, () => bootNow(computer))
    },

    isIdle(computer: Computer, nowMs: number): boolean {
      const { callsInFlight, lastActivityMs } = runtimeOf(computer)
      if (computer.status !== 'running' || computer.autoStopMinutes === 0 || callsInFlight > 0) return false
      return nowMs - lastActivityMs >= computer.autoStopMinutes * profile.autoStopMinuteMs
    },

    /** Ends all processes and leaves the state as it is, so that a later start boots the same computers. */
    async close(): Promise<void> {
      isClosed = true
      await Promise.all([...store.computers.values()].map((computer) => halt(computer, 'stopped')))
    },
  }
}
