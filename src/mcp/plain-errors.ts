// The SDK puts zod's list of issues, as JSON, into the error of a request that does not fit its schema. This says the same in words.
import type { McpServer } from '@modelcontextprotocol/server'
import { isJSONRPCErrorResponse, ProtocolErrorCode } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { parseJson } from '../shared/json.ts'
import { refusalWords } from './kit/refusal-words.ts'
import { cleanLine } from '../lib/text.ts'

const MAX_ISSUES = 5

const Issues = z
  .array(z.looseObject({ path: z.array(z.union([z.string(), z.number()])), message: z.string() }))
  .min(1)

/** Makes every error that this server sends readable. Call it before the server is connected. */
export function speakPlainly({ server }: McpServer): void {
  const connect = server.connect.bind(server)
  server.connect = async (transport) => {
    const send = transport.send.bind(transport)
    transport.send = async (message, options) => {
      if (!isJSONRPCErrorResponse(message)) return send(message, options)
      const words = plainWords(message.error.message)
      if (words === null) return send(message, options)
      return send({ ...message, error: { code: ProtocolErrorCode.InvalidParams, message: words } }, options)
    }
    return connect(transport)
  }
}

/** Returns words for a message that holds zod's issues as JSON; null for any other message. */
export function plainWords(message: string): string | null {
  const start = message.indexOf('[\n')
  if (start === -1) return null
  const issues = Issues.safeParse(parseJson(message.slice(start)))
  if (!issues.success) return null
  const words = issues.data.slice(0, MAX_ISSUES).map(({ path, ...issue }) => {
    const name = cleanLine(path.map((part) => String(part)).join('.'), 100) || 'The request'
    return refusalWords(name, { ...issue, path }, issue.message.endsWith('received undefined'))
  })
  return `The request was not carried out: ${words.join(' ')}`
}
