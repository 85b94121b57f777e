// One list of settings, printed by `npm run dev` and `npm run deploy` and written down in docs/clients.md: they cannot part.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { clientConfigs, clientLines } from '../../../deploy/client-configs.ts'

const ADDRESS = 'https://runtime.example.workers.dev/mcp'
const page = readFileSync(join(import.meta.dirname, '../../../docs/clients.md'), 'utf8')

it.each(clientConfigs(ADDRESS, '$OWNER_TOKEN'))(
  'the setting of $client is in docs/clients.md as it is printed, under what it is: $proof',
  ({ client, how, proof }) => {
    expect(clientLines(ADDRESS, '$OWNER_TOKEN').join('\n')).toContain(how)
    const [tried = '', documented = ''] = page.split('## Documented, not tried')
    expect(proof === 'tried' ? tried : documented).toContain(client)
    expect(proof === 'tried' ? tried : documented).toContain(how)
  },
)

it('all eight kinds of client are told of', () => {
  const told = clientConfigs(ADDRESS, 'x').map(({ client }) => client)
  for (const name of [
    'Claude Code',
    'Claude.ai',
    'ChatGPT',
    'Codex',
    'Cursor',
    'VS Code',
    'Gemini CLI',
    'mcp-remote',
  ])
    expect(told.some((client) => client.startsWith(name))).toBe(true)
})
