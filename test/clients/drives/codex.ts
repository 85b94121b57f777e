// Codex CLI, told of the server by the printed line: a whole session with a scripted model, and its login through our OAuth.
import { expect } from 'vitest'
import { decide } from '../../e2e/support/scripted-owner.ts'
import { PINS } from '../pins.ts'
import { startOpenAi } from '../support/scripted-openai.ts'
import { PLANNER_TOOLS } from '../support/scripted-planner.ts'
import { createShell } from '../support/shell.ts'
import type { Shell } from '../support/shell.ts'
import { printedSetting } from './drive.ts'
import type { ClientDrive, DriveInput } from './drive.ts'

const NAMESPACE = 'mcp__runtime'

export const codex: ClientDrive = {
  client: 'Codex CLI',
  version: PINS['@openai/codex'],
  needs: '@openai/codex',
  auth: 'owner token; OAuth (dynamic registration)',
  async drive(input) {
    const shell = await createShell(input.home, { SCRIPTED_KEY: 'scripted' })
    expect(await shell.run('codex --version')).toContain(PINS['@openai/codex'])
    const tools = await session(input, shell, printedSetting('Codex CLI', input))
    await login(input, shell)
    await session(input, shell, 'true')
    return [
      '`codex mcp add`, as printed',
      `a whole \`codex exec\` session with a scripted model, which was offered ${tools} tools, handed in a plan and read its status until it was completed`,
      '`codex mcp login` through consent, and the same session again with the token it got',
    ]
  },
}

/** Number of tools the model was offered. */
async function session({ workspace }: DriveInput, shell: Shell, before: string): Promise<number> {
  await using model = await startOpenAi(NAMESPACE, workspace)
  const provider = `{name="scripted",base_url="${model.url}/v1",wire_api="responses",env_key="SCRIPTED_KEY"}`
  const settings = [
    'model_provider="scripted"',
    `model_providers.scripted=${provider}`,
    'mcp_servers.runtime.default_tools_approval_mode="approve"',
  ].map((setting) => `-c '${setting}'`)
  const said = await shell.run(
    `${before}; codex exec ${settings.join(' ')} -m gpt-5 --skip-git-repo-check 'Do it.'`,
  )
  expect(said).toMatch(/PLAN [0-9a-f-]{36} completed/)
  expect([...model.offered]).toEqual(expect.arrayContaining(PLANNER_TOOLS))
  return model.offered.size
}

/** Without the bearer token, past the recorder: an OAuth token is bound to the Worker's own address. */
async function login({ stack }: DriveInput, shell: Shell): Promise<void> {
  await shell.run('codex mcp remove runtime')
  const walks: Promise<unknown>[] = []
  // By itself Codex names a client document at chatgpt.com, which a stack without internet cannot read: so it registers.
  await shell.run(
    `printf '[mcp_servers.runtime]\\nurl = "%s"\\n' '${stack.urls.mcp_url}' >> ~/.codex/config.toml; codex mcp login runtime --oauth-client-registration dcr`,
    {
      watch(output) {
        const url = /^http\S+\/authorize\?\S+(?=\s)/m.exec(output)?.[0]
        if (url !== undefined && walks.length === 0)
          walks.push(decide(url, stack.urls.owner_token).then((back) => fetch(back)))
      },
    },
  )
  await Promise.all(walks)
  expect(walks).toHaveLength(1)
}
