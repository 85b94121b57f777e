// The simulated clock. Inside an operation of the object Date.now, setTimeout, AbortSignal.timeout and fetch are the simulation's:
// nothing there ever waits for real time, except for real storage and real D1, which answer at once. Time moves on only when every
// operation under way waits for something simulated, so that a run is the same each time.
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Sent {
  method: string
  url: URL
  body: string
}
/** `lost`: a network error instead of an answer. afterMs Infinity: silence until the caller's own deadline. */
export interface Reply {
  effectAfterMs: number
  afterMs: number
  effect: () =>
    | { status: number; body: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> }
    | 'lost'
}

interface Operation {
  name: string
  waits: number
  /** Its object was killed: nothing it waits for ever comes. */
  dead: boolean
}
interface Entry {
  atMs: number
  order: number
  run: () => void
  dead: boolean
}

export type Kernel = ReturnType<typeof createKernel>

const real = {
  now: Date.now.bind(Date),
  setTimeout: globalThis.setTimeout.bind(globalThis),
  clearTimeout: globalThis.clearTimeout.bind(globalThis),
  fetch: globalThis.fetch.bind(globalThis),
  abortAfter: AbortSignal.timeout.bind(AbortSignal),
}
const running = new AsyncLocalStorage<{ kernel: Kernel; operation: Operation }>()
const deadlines = new WeakMap<AbortSignal, number>()
let current: Kernel | null = null
const MAX_REAL_WAIT_MS = 90_000

export function createKernel(startMs: number, send: (request: Sent) => Reply) {
  const queue: Entry[] = []
  const operations = new Set<Operation>()
  const onDeath = new WeakMap<Operation, () => void>()
  const pending = new Set<Promise<void>>()
  let order = 0
  const kernel = {
    /** True time of the simulation; the object's own clock may be off by skewMs. */
    nowMs: startMs,
    skewMs: 0,
    at(wanted: number, run: () => void): Entry {
      const atMs = Math.round(wanted)
      const entry = { atMs, order: order++, run, dead: false }
      let [low, high] = [0, queue.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if ((queue[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1
        else high = middle
      }
      queue.splice(low, 0, entry)
      return entry
    },
    after(ms: number, run: () => void): Entry {
      return kernel.at(kernel.nowMs + ms, run)
    },
    nextMs(): number {
      while (queue[0]?.dead) queue.shift()
      return queue[0]?.atMs ?? Infinity
    },
    /** Runs the next entry, moving time to it. */
    step(): void {
      const entry = queue.shift()
      if (entry === undefined || entry.dead) return
      kernel.nowMs = Math.max(kernel.nowMs, entry.atMs)
      entry.run()
    },
    clear(): void {
      queue.length = 0
    },
    active: () => [...operations].map(({ name }) => name),
    /** Starts an operation of the object; `then` hears what came of it, null when the object died or threw. */
    start<T>(name: string, run: () => Promise<T>, then: (value: T | null, error?: unknown) => void): void {
      const operation: Operation = { name, waits: 0, dead: false }
      const over = (value: T | null, error?: unknown) => {
        if (!operations.delete(operation)) return
        then(value, error)
      }
      onDeath.set(operation, () => over(null, new Error('the object died')))
      operations.add(operation)
      running.run({ kernel, operation }, run).then(
        (value) => over(value),
        (error: unknown) => over(null, error),
      )
    },
    /** Ends every operation where it waits. What they sent stays sent. */
    kill(): void {
      for (const operation of operations) {
        operation.dead = true
        onDeath.get(operation)?.()
      }
    },
    /** Something real an operation waits for: storage elsewhere. Never comes back to a dead one. */
    async real<T>(call: () => Promise<T>): Promise<T> {
      const work = call()
      const settled = work.then(
        () => {},
        () => {},
      )
      pending.add(settled)
      void settled.then(() => pending.delete(settled))
      try {
        return await work
      } finally {
        await alive()
      }
    },
    /** Until every operation under way waits for simulated time. */
    async settle(): Promise<void> {
      const until = real.now() + MAX_REAL_WAIT_MS
      for (let turns = 0; ; turns++) {
        for (let i = 0; i < 30; i++) await Promise.resolve()
        if (pending.size > 0) await Promise.race(pending)
        else if ([...operations].every(({ waits }) => waits > 0)) return
        else if (turns > 4) await new Promise((resolve) => real.setTimeout(resolve, 0))
        if (real.now() > until) throw new Error(`the simulation hangs in ${kernel.active().join(', ')}`)
      }
    },
    /** A simulated wait of the operation under way. */
    wait(ms: number): Promise<void> {
      return new Promise((resolve) => {
        timer(resolve, ms)
      })
    },
    async fetch(url: string, init: RequestInit): Promise<Response> {
      const body =
        typeof init.body === 'string'
          ? init.body
          : init.body instanceof Uint8Array
            ? new TextDecoder('latin1').decode(init.body)
            : ''
      const reply = send({ method: init.method ?? 'GET', url: new URL(url), body })
      let answer: ReturnType<Reply['effect']> = 'lost'
      kernel.after(reply.effectAfterMs, () => void (answer = reply.effect()))
      const deadlineMs =
        init.signal instanceof AbortSignal ? (deadlines.get(init.signal) ?? 120_000) : 120_000
      await kernel.wait(Math.min(reply.afterMs, deadlineMs))
      if (reply.afterMs > deadlineMs) throw new DOMException('The operation timed out.', 'TimeoutError')
      // Platform seam: assigned in a callback, which the compiler cannot see.
      const said = answer as ReturnType<Reply['effect']>
      if (said === 'lost') throw new TypeError('Network connection lost.')
      return new Response(said.body, { status: said.status, headers: said.headers ?? {} })
    },
  }
  return kernel
}

/** Never answers in an operation whose object is dead. */
export async function alive(): Promise<void> {
  if (running.getStore()?.operation.dead === true) await new Promise(() => {})
}
export const isDead = (): boolean => running.getStore()?.operation.dead === true

interface SimTimer {
  entry: Entry
  operation: Operation
}

function timer(fire: () => void, ms: number): SimTimer | null {
  const context = running.getStore()
  if (context === undefined) return null
  const { kernel, operation } = context
  operation.waits += 1
  const entry = kernel.after(Math.max(0, ms), () => {
    entry.dead = true
    operation.waits -= 1
    if (!operation.dead) fire()
  })
  return { entry, operation }
}

/** Puts the simulation's clock and network in place of the real ones, for operations only. */
export function install(kernel: Kernel): void {
  current = kernel
  Date.now = () => (current === null ? real.now() : current.nowMs + current.skewMs)
  const timers = new WeakMap<object, SimTimer>()
  const setSimTimeout = (fire: () => void, ms = 0): unknown => {
    const simulated = timer(fire, ms)
    if (simulated === null) return real.setTimeout(fire, ms)
    const handle = {}
    timers.set(handle, simulated)
    return handle
  }
  const clearSimTimeout = (handle: unknown): void => {
    const simulated = typeof handle === 'object' && handle !== null ? timers.get(handle) : undefined
    if (simulated === undefined) return real.clearTimeout(handle as ReturnType<typeof setTimeout>)
    if (simulated.entry.dead) return
    simulated.entry.dead = true
    simulated.operation.waits -= 1
  }
  Object.assign(globalThis, {
    setTimeout: setSimTimeout,
    clearTimeout: clearSimTimeout,
    fetch: (input: string, init: RequestInit = {}) =>
      running.getStore()?.kernel.fetch(input, init) ?? real.fetch(input, init),
  })
  AbortSignal.timeout = (ms) => {
    if (running.getStore() === undefined) return real.abortAfter(ms)
    const { signal } = new AbortController()
    deadlines.set(signal, ms)
    return signal
  }
}

export function uninstall(): void {
  current = null
  Date.now = real.now
  Object.assign(globalThis, {
    setTimeout: real.setTimeout,
    clearTimeout: real.clearTimeout,
    fetch: real.fetch,
  })
  AbortSignal.timeout = real.abortAfter
}

/** The simulation an operation runs in; undefined outside of one. */
export const here = (): Kernel | undefined => running.getStore()?.kernel
