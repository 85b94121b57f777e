// `npm run demo`: the main job, offline. A plan travels from an MCP client through the Worker to an agent on a (local) VM and back
// as a merged branch; a second one is refused. Every step is checked; exit 0 means that all of it held.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { readCommandLine } from '../../deploy/command-line.ts'
import { tell } from './demo-story.ts'
import { dim, say } from './demo-words.ts'
import { readViolations } from './model/violations.ts'
import { onParentEnd } from './parent.ts'
import { startWorld } from './world.ts'
import type { World } from './world.ts'

const { values } = readCommandLine({
  command: 'npm run demo',
  about:
    'The main job, offline: a plan travels to an agent and back as a merged branch, and wrong work is refused.',
  flags: { keep: { about: 'let the stack stay up afterwards, until Ctrl-C' } },
})

const stateDir = mkdtempSync(join(tmpdir(), 'aer-demo-'))
const workerLog = join(stateDir, 'worker.log')
const stopped = new Promise<'stopped'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('stopped'))
  onParentEnd(() => resolve('stopped'))
})
let world: World | null = null
let outcome: 'told' | 'stopped' | 'failed' = 'failed'
try {
  console.log(
    dim('\nA plan travels to an agent and back as a merged branch. Local stand-ins play the outside.\n'),
  )
  world = await startWorld({ stateDir, port: 0, log: () => undefined, progress: say })
  say('The local stack is up', world.urls.base_url)
  outcome = await Promise.race([tell(world).then(() => 'told' as const), stopped])
  if (values.keep && outcome === 'told') {
    console.log(
      `The stack stays up (state in ${stateDir}). MCP: ${world.urls.mcp_url}  owner token: ${world.urls.owner_token}\nCtrl-C stops it.`,
    )
    await stopped
  }
} catch (error) {
  console.error(
    `\n${styleText('red', 'The demo failed:')} ${error instanceof Error ? error.message : String(error)}`,
  )
  if (world !== null && existsSync(workerLog))
    console.error(
      `\nThe Worker's log ends with:\n${readFileSync(workerLog, 'utf8').split('\n').slice(-30).join('\n')}`,
    )
}
await world?.close()
const violations = readViolations(stateDir)
if (violations.length > 0) {
  outcome = 'failed'
  console.error(`The agent broke rules of the model API:\n${violations.join('\n')}`)
}
rmSync(stateDir, { recursive: true, force: true })
// process.exit() is needed, because a client whose call was cut off would keep this process running.
process.exit(outcome === 'told' ? 0 : 1)
