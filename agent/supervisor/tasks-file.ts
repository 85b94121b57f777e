// Reads and edits the text of tasks.md, the queue that a person can read and add to. All functions are pure. Lines without a plan
// id are never changed, except to write the id into a line that became a plan.
import { clipText } from '../machine/output.ts'

const OURS = /^- \[([ x])\] ([0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?: |$)/
const BY_HAND = /^- \[ \] +(\S.*?)\s*$/

export interface TaskLine {
  id: string
  title: string
  done: boolean
}

/** Returns the text with one line per plan. An existing line only changes its tick; a missing one is added at the end. */
export function writeTasks(text: string, tasks: TaskLine[]): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const task of tasks) {
    const at = lines.findIndex((line) => OURS.exec(line)?.[2] === task.id)
    const tick = task.done ? 'x' : ' '
    if (at === -1)
      lines.push(`- [${tick}] ${task.id} ${clipText(task.title.replaceAll('\n', ' '), 120)}`.trimEnd())
    else lines[at] = (lines[at] ?? '').replace(/^- \[[ x]\]/, `- [${tick}]`)
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** Returns the texts of open lines without an id, in order: the plans that a person added. */
export function linesByHand(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const byHand = OURS.test(line) ? null : BY_HAND.exec(line)
    return byHand?.[1] === undefined ? [] : [byHand[1]]
  })
}

/** Returns the text with the id written into the first open line whose text is exactly `said`. */
export function labelLine(text: string, said: string, id: string, title: string): string {
  let labelled = false
  return text
    .split('\n')
    .map((line) => {
      if (labelled || OURS.test(line) || BY_HAND.exec(line)?.[1] !== said) return line
      labelled = true
      return `- [ ] ${id} ${clipText(title.replaceAll('\n', ' '), 120)}`.trimEnd()
    })
    .join('\n')
}

export const hasTask = (text: string, id: string): boolean =>
  text.split('\n').some((line) => OURS.exec(line)?.[2] === id)
