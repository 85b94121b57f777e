// Ends a Worker that outlived its stack, which happens when the stack is killed at a moment when the watchdog cannot act. Such a
// Worker still has the state folder's databases open, and two writers would damage the state. Its process group is saved in the
// folder and ended before a new Worker starts.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 'worker.group'

export function rememberGroup(stateDir: string, pid: number | undefined): void {
  if (pid !== undefined) writeFileSync(join(stateDir, FILE), String(pid))
}

/** `root`: where our programs lie. Only processes of that group that run from there are ended: the number may have a new owner. */
export function endLeftovers(stateDir: string, root: string): void {
  const group = readGroup(stateDir)
  if (group === null) return
  const list = execFileSync('ps', ['-eo', 'pid=,pgid=,args='], { encoding: 'utf8', maxBuffer: 16 << 20 })
  for (const line of list.split('\n')) {
    const [, pid, pgid, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    if (pgid !== group || !args.includes(join(root, 'node_modules'))) continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // the process has ended by itself
    }
  }
}

function readGroup(stateDir: string): string | null {
  try {
    const text = readFileSync(join(stateDir, FILE), 'utf8').trim()
    return /^\d+$/.test(text) ? text : null
  } catch {
    return null // this is the first start with this folder
  }
}
