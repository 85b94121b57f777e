// Sends a message as server-sent events, in pieces as the real API does, and imitates the ways a stream can go wrong.
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTick, setTimeout as sleep } from 'node:timers/promises'
import type { Block } from './request.ts'
import type { Usage } from './usage.ts'

/** Longest piece of text or tool JSON, unless this gives more than MAX_PIECES. */
const PIECE_CHARACTERS = 24
const MAX_PIECES = 60
const CUT_AFTER_MS = 40

/** One server-sent event; `type` is also its name. */
type StreamEvent = { type: string; [key: string]: unknown }

export type MessageAnswer = {
  id: string
  model: string
  blocks: Block[]
  stopReason: string
  usage: Usage
}
export type StreamFaults = { stallMs: number; cutAfterBlocks: number | null }
export type Ended = 'full' | 'cut' | 'client_gone'
export type Sent = { ended: Ended; blocks: number }

/** Returns the whole message, for a request without `stream`. */
export function toMessageBody(answer: MessageAnswer): Record<string, unknown> {
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: answer.blocks,
    stop_reason: answer.stopReason,
    stop_sequence: null,
    stop_details: toStopDetails(answer.stopReason),
    container: null,
    context_management: null,
    diagnostics: null,
    usage: answer.usage,
  }
}

/**
 * Streams the answer. It calls `settle` before it sends the last byte, so that a client that has read the end finds the call in the
 * log. `signal` is aborted when the client leaves.
 */
export async function sendStream(
  response: ServerResponse,
  answer: MessageAnswer,
  faults: StreamFaults,
  signal: AbortSignal,
  settle: (sent: Sent) => void,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
  let blocks = 0
  try {
    await send(response, toStart(answer), signal)
    await send(response, { type: 'ping' }, signal)
    for (const [index, block] of answer.blocks.entries()) {
      if (blocks === faults.cutAfterBlocks) return cut(response, blocks, settle)
      const events = toBlockEvents(block, index)
      const isStalling = faults.stallMs > 0 && index === answer.blocks.length - 1
      for (const [n, event] of events.entries()) {
        if (isStalling && n === Math.floor(events.length / 2))
          await sleep(faults.stallMs, undefined, { signal })
        await send(response, event, signal)
      }
      blocks += 1
    }
    if (faults.cutAfterBlocks !== null) return cut(response, blocks, settle)
    settle({ ended: 'full', blocks })
    for (const event of toEnd(answer)) await send(response, event, signal)
    response.end()
  } catch (error) {
    if (!signal.aborted) throw error
    settle({ ended: 'client_gone', blocks })
  }
}

/** Cuts the connection without a message, as a failing proxy or network does. */
async function cut(response: ServerResponse, blocks: number, settle: (sent: Sent) => void): Promise<void> {
  settle({ ended: 'cut', blocks })
  // Wait until the client has read what was sent: fetch drops unread bytes of a body when its connection breaks.
  await sleep(CUT_AFTER_MS)
  response.socket?.destroy()
}

/** Sends an event in two writes, split anywhere, also inside a character, because readers must not rely on chunk borders. */
async function send(response: ServerResponse, event: StreamEvent, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const bytes = Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  const middle = Math.floor((bytes.length * 2) / 3)
  response.write(bytes.subarray(0, middle))
  await nextTick()
  response.write(bytes.subarray(middle))
}

function toStart(answer: MessageAnswer): StreamEvent {
  const message = { ...toMessageBody(answer), content: [], stop_reason: null, stop_details: null }
  return {
    type: 'message_start',
    message: { ...message, usage: { ...answer.usage, output_tokens: 1 } },
  }
}

function toEnd(answer: MessageAnswer): StreamEvent[] {
  const { stopReason, usage } = answer
  const stop = {
    stop_reason: stopReason,
    stop_sequence: null,
    stop_details: toStopDetails(stopReason),
    container: null,
  }
  const delta = { type: 'message_delta', delta: stop, usage, context_management: null }
  return [delta, { type: 'message_stop' }]
}

function toStopDetails(stopReason: string): Record<string, unknown> | null {
  return stopReason === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null
}

function toBlockEvents(block: Block, index: number): StreamEvent[] {
  const delta = (inner: Record<string, unknown>): StreamEvent => ({
    type: 'content_block_delta',
    index,
    delta: inner,
  })
  const start = (inner: Record<string, unknown>): StreamEvent => ({
    type: 'content_block_start',
    index,
    content_block: inner,
  })
  const stop = { type: 'content_block_stop', index }
  if (block.type === 'thinking') {
    const words = toPieces(block.thinking ?? '').map((piece) =>
      delta({ type: 'thinking_delta', thinking: piece }),
    )
    const signature = delta({ type: 'signature_delta', signature: block.signature })
    return [start({ type: 'thinking', thinking: '', signature: '' }), ...words, signature, stop]
  }
  if (block.type === 'compaction') {
    const { content, encrypted_content } = block
    return [
      start({ ...block, content: null }),
      delta({ type: 'compaction_delta', content, encrypted_content }),
      stop,
    ]
  }
  if (block.type === 'tool_use') {
    const pieces = ['', ...toPieces(JSON.stringify(block['input'] ?? {}))]
    const json = pieces.map((piece) => delta({ type: 'input_json_delta', partial_json: piece }))
    return [start({ type: 'tool_use', id: block.id, name: block.name, input: {} }), ...json, stop]
  }
  const text = toPieces(block.text ?? '').map((piece) => delta({ type: 'text_delta', text: piece }))
  return [start({ type: 'text', text: '', citations: null }), ...text, stop]
}

/** Splits a text into pieces of whole code points, as the real API does. Half a surrogate pair would come as an escape. */
function toPieces(text: string): string[] {
  const points = Array.from(text)
  const size = Math.max(PIECE_CHARACTERS, Math.ceil(points.length / MAX_PIECES))
  return Array.from({ length: Math.ceil(points.length / size) }, (_, n) =>
    points.slice(n * size, (n + 1) * size).join(''),
  )
}
