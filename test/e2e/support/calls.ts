// The MCP client of a stack. One connection serves all calls, because connecting costs the Worker more than a call.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

interface Address {
  mcp_url: string
  owner_token: string
}

/**
 * Each request has a connection of its own. The Worker ends an idle one after 5 s; a client too busy to see that would send the next
 * request on it: ECONNRESET.
 */
export const OWN_CONNECTION = { connection: 'close' }

/** Connects again after an error and when the stack has another address. */
export function createCalls(urls: () => Address) {
  let open: { address: string; client: Promise<Client> } | null = null
  const connect = async (address: string): Promise<Client> => {
    const client = new Client({ name: 'e2e', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL(address), {
        requestInit: { headers: { authorization: `Bearer ${urls().owner_token}`, ...OWN_CONNECTION } },
      }),
    )
    return client
  }
  async function close(): Promise<void> {
    const closed = open
    open = null
    await (await closed?.client.catch(() => null))?.close() // one that never connected has nothing to close
  }
  return {
    close,
    async callTool(request: { name: string; arguments: Record<string, unknown> }) {
      const address = urls().mcp_url
      if (open?.address !== address) {
        await close()
        open = { address, client: connect(address) }
      }
      const used = open
      try {
        return await (await used.client).callTool(request)
      } catch (error) {
        if (open === used) await close()
        throw error
      }
    },
  }
}
