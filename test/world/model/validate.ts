// Checks a history against the API's rules, to find when the agent sends what the real API would refuse. Pure. It is stricter
// than the real API in two points: results must be in the order of their calls, and user turns may not follow each other (the
// real one merges them), because Ralph never means to send either.
import { z } from 'zod'
import { isCompaction } from './compaction.ts'
import { Block, toBlocks } from './request.ts'
import type { CacheControl, Message, MessagesRequest } from './request.ts'
import type { ModelInfo } from './models.ts'

const MAX_BREAKPOINTS = 4
const NOT_IMITATED = ['context_management', 'container', 'mcp_servers', 'fallbacks'] as const

/** Returns the first broken rule in the API's words, or null. */
export function findOffence(request: MessagesRequest, model: ModelInfo): string | null {
  return (
    findBadSetting(request, model) ??
    findBadBreakpoint(request) ??
    findBadOrder(request) ??
    findBadContent(request.messages) ??
    findBadPairing(request.messages)
  )
}

function findBadSetting(request: MessagesRequest, model: ModelInfo): string | null {
  const { thinking, tool_choice: choice, max_tokens: maxTokens } = request
  const foreign = NOT_IMITATED.find((field) => request[field] !== undefined && request[field] !== null)
  if (foreign !== undefined) return `${foreign}: not imitated by this stand-in`
  if (maxTokens > model.maxOutputTokens) {
    return `max_tokens: ${maxTokens} > ${model.maxOutputTokens}, which is the maximum allowed number of output tokens for ${model.id}`
  }
  if (choice?.type === 'any' || choice?.type === 'tool') {
    return `tool_choice: forced tool use ("${choice.type}") is not supported with thinking on ${model.id}`
  }
  if (model.adaptiveOnly && thinking !== undefined && thinking.type !== 'adaptive') {
    return `thinking.type: "${thinking.type}" is not supported for ${model.id}. Use "adaptive" and output_config.effort`
  }
  return null
}

/** The parts of a tool result may carry breakpoints too. */
const Inner = z.array(Block)
const listInBlock = (block: Block): Array<CacheControl | null | undefined> => [
  ...(Inner.safeParse(block.content).data ?? []).map((part) => part.cache_control),
  block.cache_control,
]

/** Returns every cache_control in the order of the prompt; the top-level one is last. */
function listBreakpoints(request: MessagesRequest): CacheControl[] {
  return [
    ...(request.tools ?? []).map((tool) => tool.cache_control),
    ...toBlocks(request.system ?? []).map((block) => block.cache_control),
    ...request.messages.flatMap((message) => toBlocks(message.content).flatMap(listInBlock)),
    request.cache_control,
  ].filter((control) => control !== null && control !== undefined)
}

function findBadBreakpoint(request: MessagesRequest): string | null {
  const breakpoints = listBreakpoints(request)
  if (breakpoints.length > MAX_BREAKPOINTS) {
    return `A maximum of ${MAX_BREAKPOINTS} blocks with cache_control may be provided. Found ${breakpoints.length}.`
  }
  const firstShort = breakpoints.findIndex((control) => control.ttl !== '1h')
  return firstShort !== -1 && breakpoints.slice(firstShort).some((control) => control.ttl === '1h')
    ? "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
    : null
}

function findBadOrder(request: MessagesRequest): string | null {
  const turns = request.messages.filter((message) => message.role !== 'system')
  if (turns.length === 0) return 'messages: at least one message is required'
  const isSummed = toBlocks(turns[0]?.content ?? [])[0]?.type === 'compaction'
  if (turns[0]?.role !== 'user' && !isSummed) return 'messages: first message must use the "user" role'
  const doubled = turns.findIndex((message, index) => message.role === turns[index - 1]?.role)
  if (doubled !== -1) {
    return `messages: roles must alternate between "user" and "assistant", but found multiple "${turns[doubled]?.role}" roles in a row`
  }
  return turns.at(-1)?.role === 'assistant' && !isCompaction(request)
    ? 'This model does not support assistant message prefill. The conversation must end with a user message.'
    : null
}

function findBadContent(messages: Message[]): string | null {
  for (const [at, message] of messages.entries()) {
    const blocks = toBlocks(message.content)
    if (blocks.length === 0) return `messages.${at}: all messages must have non-empty content`
    const blank = blocks.findIndex((block) => block.type === 'text' && (block.text ?? '').trim() === '')
    if (blank !== -1) return `messages.${at}.content.${blank}: text content blocks must be non-empty`
  }
  return null
}

function findBadPairing(messages: Message[]): string | null {
  const seen = new Set<string>()
  let asked: string[] = []
  for (const [at, message] of messages.entries()) {
    if (message.role === 'system') continue
    const blocks = toBlocks(message.content)
    if (message.role === 'user') {
      const problem = findBadResults(at, blocks, asked)
      if (problem !== null) return problem
      continue
    }
    asked = blocks.filter((block) => block.type === 'tool_use').map((block) => block.id ?? '')
    const repeated = asked.find((id, index) => seen.has(id) || asked.indexOf(id) !== index)
    if (repeated !== undefined) return `messages.${at}: \`tool_use\` ids must be unique: ${repeated}`
    for (const id of asked) seen.add(id)
  }
  return null
}

function findBadResults(at: number, blocks: Block[], asked: string[]): string | null {
  const answered = blocks
    .filter((block) => block.type === 'tool_result')
    .map((block) => block.tool_use_id ?? '')
  const missing = asked.filter((id) => !answered.includes(id))
  if (missing.length > 0) {
    return `messages.${at - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
  }
  const unknown = answered.find((id) => !asked.includes(id))
  if (unknown !== undefined) {
    return `messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${unknown}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
  }
  const doubled = answered.find((id, index) => answered.indexOf(id) !== index)
  if (doubled !== undefined) {
    return `messages.${at}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${doubled}`
  }
  if (answered.some((id, index) => id !== asked[index])) {
    return `messages.${at}: \`tool_result\` blocks must stand in the order of their \`tool_use\` blocks`
  }
  const afterOther = blocks.findIndex((block) => block.type !== 'tool_result')
  return afterOther !== -1 && afterOther < answered.length
    ? `messages.${at}: \`tool_result\` blocks must come before any other content`
    : null
}
