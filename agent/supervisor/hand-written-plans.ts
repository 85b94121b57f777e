// Turns lines that a person adds to tasks.md into plans, each line once. A new line gets a reference, which is saved before it is
// sent to the Worker and kept until the plan's id is written into the file.
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { SyncResponse } from '../../src/shared/protocol.ts'
import { readIfPresent, readJson, writeDurably } from '../machine/durable.ts'
import { tasksFile } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { hasTask, labelLine, linesByHand, writeTasks } from './tasks-file.ts'
import type { TaskLine } from './tasks-file.ts'

const Pending = z.array(
  z.object({ ref: z.string(), text: z.string(), id: z.string().optional(), title: z.string().optional() }),
)
type Pending = z.infer<typeof Pending>

/** The file is read only when it has not changed for this long, because an editor may save in several steps. */
const SETTLED_MS = 1_000
const MAX_PER_SYNC = 10
const MAX_LINE_CHARS = 100_000

export interface HandWrittenPlans {
  /** Reads the file. Returns true when a line still waits for its plan id. */
  poll(nowMs: number): boolean
  waiting(): { ref: string; text: string }[]
  adopted(answers: SyncResponse['adopted']): void
  write(tasks: TaskLine[]): void
}

export function createHandWrittenPlans(paths: Paths): HandWrittenPlans {
  const file = tasksFile(paths)
  const pendingFile = join(paths.ralph, 'adopted.json')
  let pending: Pending = Pending.safeParse(readJson(pendingFile)).data ?? []
  const save = (next: Pending) => {
    pending = next
    writeDurably(pendingFile, JSON.stringify(pending))
  }
  const change = (edit: (text: string) => string) => {
    const before = readIfPresent(file) ?? ''
    const after = edit(before)
    // A person may save at any moment. If they just did, their text stays and ours is written at the next poll.
    if (after !== before && (readIfPresent(file) ?? '') === before) writeDurably(file, after, 0o644)
  }
  const label = () => {
    for (const { text, id, title } of pending) {
      if (id !== undefined)
        change((content) => (hasTask(content, id) ? content : labelLine(content, text, id, title ?? '')))
    }
    const content = readIfPresent(file) ?? ''
    const open = pending.filter(({ id }) => id === undefined || !hasTask(content, id))
    if (open.length !== pending.length) save(open)
  }
  return {
    poll(nowMs) {
      label()
      const stat = statSync(file, { throwIfNoEntry: false })
      if (stat === undefined || nowMs - stat.mtimeMs < SETTLED_MS)
        return pending.some(({ id }) => id === undefined)
      const next = match(linesByHand(readIfPresent(file) ?? ''), pending)
      if (JSON.stringify(next) !== JSON.stringify(pending)) save(next)
      return pending.some(({ id }) => id === undefined)
    },
    waiting: () =>
      pending
        .filter(({ id, text }) => id === undefined && text.length <= MAX_LINE_CHARS)
        .slice(0, MAX_PER_SYNC)
        .map(({ ref, text }) => ({ ref, text: text.toWellFormed() })),
    adopted(answers) {
      if (answers.length === 0) return
      const named = pending.map((line) => {
        const answer = answers.find(({ ref }) => ref === line.ref)
        return answer === undefined ? line : { ...line, id: answer.id, title: answer.title }
      })
      save(named)
      label()
    },
    write: (tasks) => change((text) => writeTasks(text, tasks)),
  }
}

/** Returns each line with its known reference, or with a new one. A line that the person removed is dropped. */
function match(lines: string[], pending: Pending): Pending {
  const left = [...pending]
  return lines.map((text) => {
    const at = left.findIndex((line) => line.text === text)
    const [known] = at === -1 ? [] : left.splice(at, 1)
    return known ?? { ref: randomBytes(16).toString('hex'), text }
  })
}
