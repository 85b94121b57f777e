// Starts the protocol's reference server, over streamable HTTP, as its package starts it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'))
const READY_TRIES = 300

export async function startEverything(): Promise<AsyncDisposable & { url: string }> {
  const port = await freePort()
  const child = spawn(process.execPath, [PROGRAM, 'streamableHttp'], {
    stdio: 'ignore',
    env: { ...process.env, PORT: String(port) },
  })
  const url = `http://127.0.0.1:${port}/mcp`
  for (let tries = 0; !(await answers(url)); tries++) {
    if (tries === READY_TRIES || child.exitCode !== null)
      throw new Error(`server-everything does not answer at ${url}.`)
    await wait(100)
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    () => true,
    () => false,
  )

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('No free port.')
  return address.port
}
