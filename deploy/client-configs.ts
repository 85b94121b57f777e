// How each client is told about this server: printed by `npm run dev` and `npm run deploy`, and written in docs/clients.md.
// test/clients runs the entries marked `tried` word for word against the local stack; the others come from the clients' own
// documents.

export interface ClientConfig {
  client: string
  /** A shell line, the contents of a settings file, or a path through menus. */
  how: string
  proof: 'tried' | 'documented'
}

/** The server's name in every client; its tools are then `mcp__runtime__plan_submit` and so on. */
const NAME = 'runtime'
const json = (value: unknown): string => JSON.stringify(value)

export function clientConfigs(mcpUrl: string, token: string): ClientConfig[] {
  const bearer = `Bearer ${token}`
  return [
    {
      client: 'Claude Code',
      how: `claude mcp add --transport http ${NAME} ${mcpUrl} --header "Authorization: ${bearer}"`,
      proof: 'tried',
    },
    {
      client: 'Codex CLI',
      how: `export RUNTIME_TOKEN="${token}"; codex mcp add ${NAME} --url ${mcpUrl} --bearer-token-env-var RUNTIME_TOKEN`,
      proof: 'tried',
    },
    {
      client: 'Gemini CLI',
      how: `gemini mcp add --transport http --scope user -H "Authorization: ${bearer}" ${NAME} ${mcpUrl}`,
      proof: 'tried',
    },
    {
      client: 'mcp-remote, for clients that only start programs',
      how: `AUTH="${bearer}" npx mcp-remote ${mcpUrl} --header 'Authorization:\${AUTH}' --protocol auto`,
      proof: 'tried',
    },
    {
      client: 'Claude.ai, Claude Desktop and phones',
      how: `Settings → Connectors → Add custom connector → URL ${mcpUrl}; sign in with the owner token or a pairing code`,
      proof: 'documented',
    },
    {
      client: 'ChatGPT, developer mode on',
      how: `Settings → Apps & Connectors → Create → MCP server URL ${mcpUrl}, authentication OAuth; sign in with the owner token or a pairing code`,
      proof: 'documented',
    },
    {
      client: 'Cursor, ~/.cursor/mcp.json',
      how: json({ mcpServers: { [NAME]: { url: mcpUrl, headers: { Authorization: bearer } } } }),
      proof: 'documented',
    },
    {
      client: 'VS Code, .vscode/mcp.json (it asks for the owner token)',
      how: json({
        inputs: [{ id: 'runtime-token', type: 'promptString', description: 'Owner token', password: true }],
        servers: {
          [NAME]: { type: 'http', url: mcpUrl, headers: { Authorization: 'Bearer ${input:runtime-token}' } },
        },
      }),
      proof: 'documented',
    },
  ]
}

/** Returns the list as a terminal shows it. */
export function clientLines(mcpUrl: string, token: string): string[] {
  return clientConfigs(mcpUrl, token).map(
    ({ client, how, proof }) =>
      `\n  ${client} (${proof === 'tried' ? 'run by our tests' : 'by its documents, not run by us'})\n    ${how}`,
  )
}
