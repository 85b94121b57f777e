// The unix socket through which `ralph doorbell` reaches the supervisor, in a folder only root can enter. The doorbell writes one
// line (the nonce) and reads one line (the status).
import { createConnection, createServer } from 'node:net'
import { rmSync } from 'node:fs'
import { socketFile } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'

const MAX_LINE_CHARS = 200

/** Starts listening. Only the holder of the supervisor's lock calls this, so an existing socket file is a leftover. */
export async function listenForRings(paths: Paths, onRing: (nonce: string) => string): Promise<void> {
  rmSync(socketFile(paths), { force: true })
  const server = createServer((socket) => {
    let line = ''
    socket.on('error', () => {}) // the doorbell process has ended and needs no answer
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      line += chunk
      if (line.includes('\n')) socket.end(`${onRing(line.split('\n')[0] ?? '')}\n`)
      else if (line.length > MAX_LINE_CHARS) socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketFile(paths), resolve)
  })
}

/** Returns the supervisor's answer; null when no supervisor listens or none answers in time. */
export async function ring(paths: Paths, nonce: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(socketFile(paths))
    let answer = ''
    const end = (value: string | null) => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(timeoutMs, () => end(null))
    socket.once('error', () => end(null))
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk
      if (answer.includes('\n')) end(answer.split('\n')[0] ?? null)
    })
    socket.once('close', () => end(null))
    socket.once('connect', () => socket.write(`${nonce}\n`))
  })
}
