// Kills this process at a chosen journal record, for tests: RALPH_FAILPOINT=before:7 sends SIGKILL right before the plan's seventh
// record is written, after:7 right after it, once per plan. `npm run faults` tries all of them.
import { existsSync, writeFileSync } from 'node:fs'

export type Failpoint = (side: 'before' | 'after', record: number) => void

export function createFailpoint(journalFile: string): Failpoint {
  const wanted = process.env['RALPH_FAILPOINT']
  const mark = `${journalFile}.failed`
  return (side, record) => {
    if (wanted !== `${side}:${record}` || existsSync(mark)) return
    writeFileSync(mark, '')
    process.kill(process.pid, 'SIGKILL')
  }
}
