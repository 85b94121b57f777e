// Runs one bash call: its output is merged, and its group is killed at the time limit. As in the documents, the call lasts until
// the last holder of its output closes it, so a background child that was not redirected makes it hang.

import { spawn } from 'node:child_process'
import { trySignal } from './processes.ts'
import type { Invocation } from './sandbox.ts'

const MAX_OUTPUT_BYTES = 32 * 1024 * 1024

export type BashResult = { kind: 'done'; output: string; exitCode: number } | { kind: 'timeout' }

export async function runBash(invocation: Invocation, timeoutMs: number): Promise<BashResult> {
  // A real pipe is needed, because Node's own pipes are sockets, which `> /dev/stderr` cannot open.
  const script = 'set -o pipefail; "$@" 2>&1 </dev/null | cat'
  const child = spawn('/bin/bash', ['-c', script, 'orgo', ...invocation.argv], {
    detached: true,
    env: invocation.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const chunks: Buffer[] = []
  let bytes = 0
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk)
  })
  return await new Promise<BashResult>((settle, fail) => {
    const timer = setTimeout(() => {
      settle({ kind: 'timeout' })
      if (child.pid !== undefined) trySignal(-child.pid, 'SIGKILL')
      child.stdout.destroy()
    }, timeoutMs)
    child.on('error', fail)
    child.on('close', (code) => {
      clearTimeout(timer)
      settle({ kind: 'done', output: Buffer.concat(chunks).toString('utf8'), exitCode: code ?? 137 })
    })
  })
}
