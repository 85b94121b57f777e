// `ralph doorbell {nonce}`: the only command the Worker sends to a running machine. It starts the supervisor if none runs, hands
// it the nonce, prints one line and ends within a second. A ring says nothing but "sync now": a lost or repeated one does no harm.
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

/** Prints the DoorbellStatus as one JSON line. Errors: throws on a malformed nonce. */
export async function doorbell(paths: Paths, nonce: string): Promise<void> {
  if (!NONCE.test(nonce)) throw new Error('The nonce must be 8 to 64 characters of a-z and 0-9.')
  mkdirSync(paths.ralph, { recursive: true, mode: 0o700 })
  const answer = await ring(paths, nonce, ANSWER_TIMEOUT_MS)
  if (answer !== null) return print(answer)
  // A new supervisor reads the nonce from this file. One that starts now may have read it already, so the socket is tried again.
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
 * Shell loop that runs the supervisor and restarts it a second after it was killed, so that no plan waits for the next ring. The
 * loop ends when the supervisor exits by itself (a newer version took over, or another one holds the lock). It also ends after
 * twenty restarts, so that a supervisor that always dies cannot keep an idle machine busy; the next ring starts it anew. It is a
 * shell (1.6 MB) because a second Node process would hold 43 MB (measured).
 */
export const KEEPER = 'n=0; until "$0" "$1" supervise || [ $((n += 1)) -gt 20 ]; do sleep 1; done'

/** Starts the supervisor detached and with no open file of ours, so that it outlives this process and the shell that ran it. */
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
