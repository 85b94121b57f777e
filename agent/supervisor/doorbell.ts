// `ralph doorbell {nonce}`: the only command the Worker ever sends to a running machine. Starts the supervisor if there is none,
// hands it the nonce, prints one line and is gone within a second. It carries no truth: lost or doubled, nothing changes.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DoorbellStatus } from '../../src/shared/protocol.ts'
import { ring } from './control-socket.ts'
import { writeDurably } from '../machine/durable.ts'
import { bootId, fileSha256 } from '../machine/machine.ts'
import { logFile, nonceFile, reserveFile } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { keepReserve } from '../machine/reserve.ts'
import { savedCounter } from '../slot/records.ts'

const NONCE = /^[a-z0-9]{8,64}$/
const ANSWER_TIMEOUT_MS = 500
const START_PATIENCE_MS = 500
const MAX_LOG_BYTES = 4 * 1024 * 1024

/** Prints the DoorbellStatus. Errors: throws on a malformed nonce. */
export async function doorbell(paths: Paths, nonce: string): Promise<void> {
  if (!NONCE.test(nonce)) throw new Error('The nonce must be 8 to 64 characters of a-z and 0-9.')
  mkdirSync(paths.ralph, { recursive: true, mode: 0o700 })
  const answer = await ring(paths, nonce, ANSWER_TIMEOUT_MS)
  if (answer !== null) return print(answer)
  // It reads this at its start; the socket is tried again in case it starts this moment.
  keepReserve(reserveFile(paths))
  writeDurably(nonceFile(paths), nonce)
  startSupervisor(paths)
  const deadline = Date.now() + START_PATIENCE_MS
  while (Date.now() < deadline && (await ring(paths, nonce, 100)) === null) await sleep(25)
  const status: DoorbellStatus = {
    ralph: 1,
    bootId: bootId(),
    counter: savedCounter(paths),
    agentSha256: fileSha256(paths.bundle),
    supervisor: 'started',
  }
  print(JSON.stringify(status))
}

/**
 * Brings back a supervisor that was killed, a second later, so that no plan waits for the Worker's bell. Ends with one that ends by
 * itself (followed by a newer one, or not the only one), and after twenty: what dies that often at once must not keep an idle
 * machine busy for ever, and the bell still comes. A shell (1.6 MB), because a second Node would hold 43 MB (measured).
 */
export const KEEPER = 'n=0; until "$0" "$1" supervise || [ $((n += 1)) -gt 20 ]; do sleep 1; done'

/** Detached, with nothing of ours open: it outlives this call and the shell that made it. */
export function startSupervisor(paths: Paths): void {
  const log = openLog(logFile(paths))
  spawn('/bin/sh', ['-c', KEEPER, process.execPath, paths.bundle], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  }).unref()
  closeSync(log)
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size > MAX_LOG_BYTES) renameSync(file, `${file}.1`)
  return openSync(file, 'a', 0o600)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
