// Lists the processes above this one, up to npm. When one of them is gone, the run has lost what started it and ends.
import { readFileSync } from 'node:fs'

const SHELLS = new Set(['sh', 'dash', 'bash'])

/** The parent; and where that is the shell npm starts its scripts with, npm itself. Only Linux tells more than the parent. */
export function ancestors(): number[] {
  const parent = process.ppid
  if (process.platform !== 'linux' || process.env['npm_lifecycle_event'] === undefined) return [parent]
  const [name, grandparent] = look(parent)
  return SHELLS.has(name) ? [parent, grandparent] : [parent]
}

/** Its name and its parent, of proc(5). */
function look(pid: number): [name: string, parent: number] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const end = stat.lastIndexOf(')')
    return [stat.slice(stat.indexOf('(') + 1, end), Number(stat.slice(end + 2).split(' ')[1])]
  } catch {
    return ['', 0] // It has just ended.
  }
}
