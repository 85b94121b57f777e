// Real clients against `npm run dev`, each told of the server as it is printed there. Foreign programs are used where they are
// installed at their pinned version (`npm run clients -- --install`), and counted as skipped, with the reason, where not.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack } from '../e2e/support/stack.ts'
import { removeAtEnd } from '../support/run-folder.ts'
import type { Stack } from '../e2e/support/stack.ts'
import { claudeCode } from './drives/claude-code.ts'
import { codex } from './drives/codex.ts'
import type { ClientDrive } from './drives/drive.ts'
import { gemini } from './drives/gemini.ts'
import { inspectorIn } from './drives/inspector.ts'
import { mcpRemote } from './drives/mcp-remote.ts'
import { sdkV1, sdkV2 } from './drives/sdk.ts'
import { whyNot } from './pins.ts'
import { protocolsOf, startRecorder } from './support/recorder.ts'
import { clientsPage } from './table.ts'
import type { Seen } from './table.ts'

const DRIVES: ClientDrive[] = [
  inspectorIn('legacy'),
  inspectorIn('auto'),
  inspectorIn('modern'),
  sdkV1,
  sdkV2,
  mcpRemote,
  claudeCode,
  codex,
  gemini,
]
const PAGE = join(import.meta.dirname, '../../docs/clients.md')

const seen = new Map<ClientDrive, Seen>()
let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

describe('a real client, set up as printed', () => {
  // At once: they mostly wait for plans, each in a workspace of its own.
  it.concurrent.for(DRIVES)('$client $version works', async (drive, { skip }) => {
    const reason = drive.needs === null ? null : whyNot(drive.needs)
    if (reason !== null) skip(reason)
    const workspace = `client-${DRIVES.indexOf(drive)}`
    await stack.workspace(workspace)
    await using recorder = await startRecorder(stack.urls.base_url)
    const home = await mkdtemp(join(homedir(), '.aer-client-')) // Codex wants no home below /tmp
    removeAtEnd(home)
    try {
      const checked = await drive.drive({ stack, recorder, home, workspace })
      const calls = [...new Set(recorder.heard.map(({ client }) => client).filter((name) => name !== null))]
      const protocols = protocolsOf(recorder.heard)
      expect(protocols).not.toEqual([])
      seen.set(drive, { calls, protocols, checked })
    } finally {
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    }
  })

  it('docs/clients.md says what was seen here, and prints the settings that were run', async () => {
    const committed = await readFile(PAGE, 'utf8').catch(() => '')
    await expect(clientsPage(DRIVES, seen, committed)).toMatchFileSnapshot(PAGE)
  })
})
