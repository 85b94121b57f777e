// Ready-to-paste settings for clients that take a bearer token (which were tried, and how: docs/clients.md, once it exists).

export interface ClientConfig {
  client: string
  how: string
}

const json = (value: unknown): string => JSON.stringify(value)

export function clientConfigs(mcpUrl: string, token: string): ClientConfig[] {
  const bearer = `Bearer ${token}`
  return [
    {
      client: 'Claude Code',
      how: `claude mcp add --transport http runtime ${mcpUrl} --header "Authorization: ${bearer}"`,
    },
    {
      client: 'Codex CLI',
      how: `export RUNTIME_TOKEN=${token}; codex mcp add runtime --url ${mcpUrl} --bearer-token-env-var RUNTIME_TOKEN`,
    },
    {
      client: 'Gemini CLI',
      how: `gemini mcp add --transport http --scope user -H "Authorization: ${bearer}" runtime ${mcpUrl}`,
    },
    {
      client: 'Cursor (~/.cursor/mcp.json)',
      how: json({ mcpServers: { runtime: { url: mcpUrl, headers: { Authorization: bearer } } } }),
    },
    {
      client: 'VS Code (.vscode/mcp.json)',
      how: json({ servers: { runtime: { type: 'http', url: mcpUrl, headers: { Authorization: bearer } } } }),
    },
    {
      client: 'mcp-remote',
      how: `AUTH="${bearer}" npx mcp-remote ${mcpUrl} --header "Authorization:\${AUTH}" --allow-http`,
    },
  ]
}
