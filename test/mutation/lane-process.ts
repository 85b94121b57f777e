// The parent's end of a lane: one order at a time, and a new process after one that hung or died.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { Answer } from './order.ts'
import type { Order } from './order.ts'
import type { Project } from './targets.ts'

const START_MS = 120_000

export interface Lane {
  /** null when there was no answer in time, or no process any more: the mutant made it hang or die. */
  run: (order: Order, timeoutMs: number) => Promise<Answer | null>
  close: () => void
}

export function createLane(dir: string, project: Project): Lane {
  let child: ChildProcess | null = null

  const close = () => {
    // Its group: workerd is a child of the child.
    if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    child = null
  }
  process.once('exit', close)

  const open = async (): Promise<ChildProcess> => {
    child = fork(join(dir, 'test/mutation/lane.ts'), [dir, project], {
      cwd: dir,
      detached: true,
      env: { ...process.env, PWD: dir, NO_COLOR: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    if ((await heard(child, START_MS)) === null) throw new Error(`a lane for ${project} did not start`)
    return child
  }

  return {
    close,
    async run(order, timeoutMs) {
      const to = child ?? (await open())
      to.send(order)
      const answer = Answer.safeParse(await heard(to, timeoutMs))
      if (answer.success) return answer.data
      close()
      return null
    },
  }
}

function heard(child: ChildProcess, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const done = (message: unknown) => {
      clearTimeout(timer)
      child.off('message', done).off('exit', gone)
      resolve(message)
    }
    const gone = () => done(null)
    const timer = setTimeout(gone, timeoutMs)
    child.once('message', done).once('exit', gone)
  })
}
