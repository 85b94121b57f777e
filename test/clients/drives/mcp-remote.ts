// mcp-remote, started by the printed line: a program that relays standard input and output to the server, for clients that can only
// start programs. Behind it is an SDK client, as it would be in such a client.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { CLIENTS_DIR, PINS } from '../pins.ts'
import { createShell } from '../support/shell.ts'
import { printedSetting } from './drive.ts'
import type { ClientDrive, DriveInput } from './drive.ts'
import { driveSdk } from './sdk.ts'

export const mcpRemote: ClientDrive = {
  client: 'mcp-remote',
  version: PINS['mcp-remote'],
  needs: 'mcp-remote',
  auth: 'owner token',
  async drive(input) {
    const setting = printedSetting('mcp-remote', input)
    const checked = await relay(input, setting)
    // As it comes, it speaks a 2025 version.
    await relay(input, setting.replace(' --protocol auto', ''))
    return [
      'the line as printed, as a program started by an SDK v1 client; and without `--protocol auto`',
      ...checked,
    ]
  },
}

async function relay({ home, workspace }: DriveInput, line: string): Promise<string[]> {
  const { env } = await createShell(home)
  const client = new Client({ name: 'behind-mcp-remote', version: '1' })
  // npx takes a program of the folder it is started in before it looks anywhere else.
  await client.connect(
    new StdioClientTransport({
      command: '/bin/bash',
      args: ['-c', line],
      env,
      cwd: CLIENTS_DIR,
      stderr: 'ignore',
    }),
  )
  try {
    return await driveSdk(client, workspace)
  } finally {
    await client.close()
  }
}
