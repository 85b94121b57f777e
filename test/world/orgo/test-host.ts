// Finds the host's processes that belong to the stand-in, for its tests.

import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { API_KEY } from './test-client.ts'

/** Returns the host's command lines that contain `text`. */
export function hostProcesses(text: string): string[] {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line.includes(text))
}

/** Returns the host pid of the bwrap that started the computer. */
export function bwrapOf(id: string): number {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  const line = lines.find((candidate) => candidate.includes('bwrap') && candidate.includes(id))
  if (line === undefined) throw new Error(`no bwrap for ${id}`)
  return Number.parseInt(line, 10)
}

/** Starts a stand-in in a process of its own, so that a test can kill it. */
export async function startInChild(stateDir: string): Promise<{ child: ChildProcess; url: string }> {
  const server = join(import.meta.dirname, 'server.ts')
  const options = { port: 0, stateDir, apiKey: API_KEY, nodeBinary: process.execPath }
  const script = `import { startOrgo } from ${JSON.stringify(server)}
    console.log((await startOrgo(${JSON.stringify(options)})).url)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((done) => {
    child.stdout.once('data', (chunk: Buffer) => done(chunk.toString().trim()))
  })
  return { child, url }
}
