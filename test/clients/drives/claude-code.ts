// Claude Code, told of the server by the printed line: its health check, and a whole session with a scripted model in place of Claude.
import { expect } from 'vitest'
import { PINS } from '../pins.ts'
import { startAnthropic } from '../support/scripted-anthropic.ts'
import { PLANNER_TOOLS } from '../support/scripted-planner.ts'
import { createShell } from '../support/shell.ts'
import { printedSetting } from './drive.ts'
import type { ClientDrive } from './drive.ts'

const PREFIX = 'mcp__runtime__'

export const claudeCode: ClientDrive = {
  client: 'Claude Code',
  version: PINS['@anthropic-ai/claude-code'],
  needs: '@anthropic-ai/claude-code',
  auth: 'owner token',
  async drive(input) {
    await using model = await startAnthropic(PREFIX, input.workspace)
    const shell = await createShell(input.home, {
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'sk-ant-scripted',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      ENABLE_TOOL_SEARCH: 'false',
      DISABLE_AUTOUPDATER: '1',
    })
    expect(await shell.run('claude --version')).toContain(PINS['@anthropic-ai/claude-code'])
    await shell.run(printedSetting('Claude Code', input))
    expect(await shell.run('claude mcp list')).toMatch(/runtime: .*Connected/)
    expect(await shell.run('claude mcp get runtime')).toMatch(/Status: .*Connected/)

    const allowed = PLANNER_TOOLS.map((tool) => PREFIX + tool).join(',')
    const said = await shell.run(`claude -p 'Do it.' --allowedTools ${allowed}`)
    expect(said).toMatch(/PLAN [0-9a-f-]{36} completed/)
    expect([...model.offered]).toEqual(expect.arrayContaining(PLANNER_TOOLS))
    return [
      '`claude mcp add`, as printed; `claude mcp list` and `get`: connected',
      `a whole \`claude -p\` session with a scripted model, which was offered ${model.offered.size} tools, handed in a plan and read its status until it was completed`,
    ]
  },
}
