// Orgo's calls on computers, without HTTP. api.ts and control.ts call them.

import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { OrgoError } from './model.ts'
import type { Computer } from './model.ts'
import { createPower } from './power.ts'
import type { PowerOptions } from './power.ts'
import { runBash } from './run-bash.ts'

const run = promisify(execFile)

const IDLE_CHECK_MS = 1000

export type ComputersOptions = PowerOptions & { onVmBytes: (where: string, bytes: Uint8Array) => void }

export type CreateInput = Pick<
  Computer,
  'name' | 'workspaceId' | 'image' | 'ramGb' | 'cpu' | 'diskGb' | 'autoStopMinutes'
>

export type Computers = ReturnType<typeof createComputers>

export function createComputers(options: ComputersOptions) {
  const { store, sandbox, profile } = options
  const power = createPower(options)
  for (const computer of store.computers.values()) void power.bootAgain(computer)
  const idleTimer = setInterval(() => {
    for (const computer of store.computers.values()) {
      if (power.isIdle(computer, Date.now())) void power.suspend(computer)
    }
  }, IDLE_CHECK_MS)

  function add(input: CreateInput): Computer {
    const others = [...store.computers.values()]
    if (others.some((other) => other.workspaceId === input.workspaceId && other.name === input.name))
      throw new OrgoError(400, `A computer named "${input.name}" already exists in this workspace`)
    if (others.length >= profile.maxComputers)
      throw new OrgoError(403, `Your plan allows ${profile.maxComputers} computers`, {
        code: 'VM_SLOT_ADDON',
      })
    const computer: Computer = {
      ...input,
      id: randomUUID(),
      instanceId: randomBytes(4).toString('hex'),
      status: 'starting',
      vncPassword: randomBytes(8).toString('hex'),
      createdAt: new Date().toISOString(),
      bootId: '',
      isDiskFull: false,
    }
    store.computers.set(computer.id, computer)
    store.save()
    return computer
  }

  return {
    power,

    /** Finds a computer by id, short instance id or name. */
    find: (key: string): Computer | undefined =>
      [...store.computers.values()].find((it) => [it.id, it.instanceId, it.name].includes(key)),

    list: (): Computer[] => [...store.computers.values()],

    /** Returns at once; the computer boots in the background, as Orgo's does. */
    create(input: CreateInput): Computer {
      const computer = add(input)
      void power.firstBoot(computer, (diskDir) => sandbox.format(diskDir, computer.image))
      return computer
    },

    /** Copies the disk of a running computer, but not its processes or its auto-stop. */
    async clone(source: Computer, name: string): Promise<Computer> {
      if (source.status !== 'running')
        throw new OrgoError(400, 'Computer is not clonable', { code: 'NOT_CLONABLE' })
      const copy = add({ ...source, name, autoStopMinutes: 0 })
      const from = join(store.computerDir(source.id), 'disk')
      await power.firstBoot(copy, (diskDir) => run('cp', ['-a', '--reflink=auto', from, diskDir]))
      return copy
    },

    /** Runs bash. Errors: 400 while no machine runs, 500 at the time limit, 503 when the machine ended meanwhile. */
    async bash(computer: Computer, command: string, timeoutS: number) {
      await power.wake(computer)
      const runtime = power.runtimeOf(computer)
      const { machine } = runtime
      if (!this.isReady(computer) || machine === undefined)
        throw new OrgoError(400, 'Desktop instance not available')
      options.onVmBytes(`bash on ${computer.name}`, new TextEncoder().encode(command))
      runtime.callsInFlight++
      const result = await runBash(machine.enter(command), timeoutS * 1000).finally(() => {
        runtime.callsInFlight--
        runtime.lastActivityMs = Date.now()
      })
      if (runtime.machine !== machine)
        throw new OrgoError(503, 'Could not reach the desktop. Try again in a moment.')
      if (result.kind === 'timeout')
        throw new OrgoError(500, `Command timed out after ${timeoutS} seconds`, { upstream_status: 504 })
      return result
    },

    isReady: (computer: Computer): boolean =>
      computer.status === 'running' && Date.now() >= power.runtimeOf(computer).agentReadyAtMs,

    async setDiskFull(computer: Computer, isFull: boolean): Promise<void> {
      await power.inTurn(computer, async () => {
        await power.runtimeOf(computer).machine?.setDiskFull(isFull)
        computer.isDiskFull = isFull
        store.save()
      })
    },

    /** Deletes the computer and its disk. */
    async remove(computer: Computer): Promise<void> {
      store.computers.delete(computer.id)
      store.save()
      await power.forget(computer)
      rmSync(store.computerDir(computer.id), { recursive: true, force: true })
    },

    async close(): Promise<void> {
      clearInterval(idleTimer)
      await power.close()
    },
  }
}
