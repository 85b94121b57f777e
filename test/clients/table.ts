// docs/clients.md, made of what a run saw. Rows of clients that could not be run this time are kept as they were.
import { clientConfigs } from '../../deploy/client-configs.ts'
import { TASKS_EXTENSION } from '../../src/mcp/tasks.ts'
import type { ClientDrive } from './drives/drive.ts'

export interface Seen {
  /** Names and versions the client gave itself on the wire. */
  calls: string[]
  protocols: string[]
  checked: string[]
}

const MCP_URL = 'https://runtime.example.workers.dev/mcp'

const TASKS = `## Plans as tasks

\`plan_submit\` answers with a handle at once, because people go offline. A client of 2026-07-28 gets a task of the extension
\`${TASKS_EXTENSION}\` instead when it declares the extension in the capabilities of its request and also asks in the call, with
\`true\` or an object:

\`\`\`json
{
  "name": "plan_submit",
  "arguments": { "workspace_id": "site", "plan": "Fix the typo" },
  "_meta": {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { "extensions": { "${TASKS_EXTENSION}": {} } },
    "${TASKS_EXTENSION}": {}
  }
}
\`\`\`

The task's id is the plan's, so every tool takes it too. \`tasks/get\` says what \`plan_status\` says; a question of the agent is
\`input_required\`, answered by \`tasks/update\` (an answer to a question that is no longer open is dropped) or by \`plan_message\`;
\`tasks/cancel\` is \`plan_cancel\`. A plan that failed is a completed task whose result is an error of the tool.
`

/** committed: the file as it is, for the rows this run has nothing new on. */
export function clientsPage(
  drives: ClientDrive[],
  seen: ReadonlyMap<ClientDrive, Seen>,
  committed: string,
): string {
  const rows = drives.map((drive) => {
    const start = `| ${drive.client} | ${drive.version} |`
    const found = seen.get(drive)
    if (found !== undefined)
      return `${start} ${[list(found.calls), list(found.protocols), drive.auth, found.checked.join('; ')].join(' | ')} |`
    return committed.split('\n').find((line) => line.startsWith(start)) ?? `${start} | | | not run |`
  })
  return `# Clients

Made by \`npm run clients -- --write\` from a run of \`test/clients\`; do not edit. One URL serves them all, in every protocol version.
The lines below are the ones \`npm run dev\` and \`npm run deploy\` print, with your own address and token.

## Tried

Each drives the local stack of \`npm run dev\` in the tests, with the setting it is printed with. The protocol is read from the wire.

| Client | Version | Calls itself | Protocol | Shown with | Checked |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

Both SDKs also find their way through OAuth by themselves, refresh and keep to their scopes (\`test/e2e/oauth-clients.test.ts\`). Not
tried for want of internet: registration by a client document (CIMD), which Claude Code and Codex choose first; Codex was told to
register dynamically. Gemini CLI and mcp-remote were not tried with OAuth.

${settings('tried')}
## Documented, not tried

These need an account, a screen, or calls from the internet. The settings are taken from their documents. Claude.ai and ChatGPT call
from their own clouds, so the Worker must be deployed, and they take no pasted token: they sign in through OAuth.

| Client | Why not | Setting |
| --- | --- | --- |
${documented()}

${TASKS}`
}

function settings(proof: 'tried'): string {
  return clientConfigs(MCP_URL, '$OWNER_TOKEN')
    .filter((row) => row.proof === proof)
    .map(({ client, how }) => `${client}:\n\n\`\`\`sh\n${how}\n\`\`\`\n`)
    .join('\n')
}

function documented(): string {
  const why = (how: string): string => (how.startsWith('{') ? 'no screen here' : 'calls from the internet')
  return clientConfigs(MCP_URL, '$OWNER_TOKEN')
    .filter((row) => row.proof === 'documented')
    .map(({ client, how }) => `| ${client} | ${why(how)} | ${how.startsWith('{') ? `\`${how}\`` : how} |`)
    .join('\n')
}

const list = (values: string[]): string => (values.length === 0 ? '–' : values.join(', '))
