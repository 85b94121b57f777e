// Gemini CLI, told of the server by the printed line: its own health check.
import { expect } from 'vitest'
import { PINS } from '../pins.ts'
import { createShell } from '../support/shell.ts'
import { printedSetting } from './drive.ts'
import type { ClientDrive } from './drive.ts'

export const gemini: ClientDrive = {
  client: 'Gemini CLI',
  version: PINS['@google/gemini-cli'],
  needs: '@google/gemini-cli',
  auth: 'owner token',
  async drive(input) {
    // In a folder it was not told to trust it keeps every server off.
    const shell = await createShell(input.home, { GEMINI_CLI_TRUST_WORKSPACE: 'true' })
    await shell.run(printedSetting('Gemini CLI', input))
    expect(await shell.run('gemini mcp list')).toMatch(/runtime: .*Connected/)
    return ['`gemini mcp add`, as printed; `gemini mcp list`: connected']
  },
}
