// How a doorbell reaches the supervisor: a unix socket in the root-only folder. One line in (the nonce), one line out (the status).
import { createConnection, createServer } from 'node:net'
import { rmSync } from 'node:fs'
import { socketFile } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'

const MAX_LINE_CHARS = 200

/** Only the holder of the lock listens, so a socket file that is there is a leftover. */
export async function listenForRings(paths: Paths, onRing: (nonce: string) => string): Promise<void> {
  rmSync(socketFile(paths), { force: true })
  const server = createServer((socket) => {
    let line = ''
    socket.on('error', () => {}) // the doorbell has left: it needs no answer
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

/** The supervisor's answer; null when nobody listens. */
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
