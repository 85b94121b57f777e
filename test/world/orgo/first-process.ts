// Starts bwrap and waits until the sandbox is ready. The first process only waits and reaps orphans; while it lives, the
// computer counts as running. As pid 1 it cannot be ended by a signal from inside. It reads our pipe, so it ends with us even if
// --die-with-parent fails.

import { spawn } from 'node:child_process'
import { z } from 'zod'

/** The program is found through the host's PATH. */
export const BWRAP = 'bwrap'
const BOOT_TIMEOUT_MS = 120_000

const statusSchema = z.object({ 'child-pid': z.number(), 'pid-namespace': z.number() })

export type FirstProcess = {
  /** Host pid of the sandbox's pid 1. */
  pid: number
  /** Inode of its pid namespace. */
  pidNamespace: number
  /** Resolves when bwrap and with it the whole sandbox has ended. */
  ended: Promise<void>
}

/** Errors: rejects with bwrap's message when the sandbox cannot be made. */
export async function startFirstProcess(args: string[], onExit: () => void): Promise<FirstProcess> {
  const command = ['--as-pid-1', '/bin/bash', '-c', 'echo ready; read -r _']
  const child = spawn(BWRAP, [...args, '--json-status-fd', '3', ...command], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  })
  let said = ''
  let status = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = new Promise<void>((done) => {
    child.on('exit', () => done())
    child.on('error', () => done())
  })
  await new Promise<void>((ready, fail) => {
    const timer = setTimeout(
      () => fail(new Error('the sandbox did not come up in two minutes')),
      BOOT_TIMEOUT_MS,
    )
    child.on('error', fail)
    child.on('exit', (code) => fail(new Error(`bwrap ended with ${code}: ${said.trim()}`)))
    let isUp = false
    // The two pipes may answer in either order: on a busy machine the shell may write before bwrap's own line is read.
    const look = () => {
      if (!isUp || !status.includes('\n')) return
      clearTimeout(timer)
      ready()
    }
    child.stdout?.once('data', () => {
      isUp = true
      look()
    })
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      status += chunk.toString()
      look()
    })
    void ended.then(() => clearTimeout(timer))
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  const parsed = statusSchema.parse(JSON.parse(status.split('\n')[0] ?? ''))
  void ended.then(onExit)
  return {
    pid: parsed['child-pid'],
    pidNamespace: parsed['pid-namespace'],
    ended,
  }
}
