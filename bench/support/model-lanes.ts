// Measures the time to the first byte of a model's stream, asked directly and through the gateway, in turns.
import type { Lane } from './git-lanes.ts'
import type { ObjectLab } from '../../test/real/support/object-lab.ts'

/** About what a conversation sends in its middle. */
const PROMPT_BYTES = 50_000
const STREAM = [
  { type: 'message_start', message: { usage: { input_tokens: 9, output_tokens: 1 } } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Yes.' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
  { type: 'message_stop' },
]

export async function timeFirstBytes(lab: ObjectLab, calls: number): Promise<Record<Lane, number[]>> {
  const seeded = await lab.seed()
  lab.host.intercept = (request, response) => {
    if (request.url !== '/v1/messages') return false
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(STREAM.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
    })
    return true
  }
  const body = JSON.stringify({
    model: 'claude-opus-5-5',
    max_tokens: 1_000,
    stream: true,
    messages: [{ role: 'user', content: 'x'.repeat(PROMPT_BYTES) }],
  })
  const ask = async (lane: Lane): Promise<number> => {
    const base = lane === 'direct' ? lab.host.url : `${lab.base}/vm/model`
    const startMs = performance.now()
    const response = await fetch(`${base}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${seeded.token}`, 'content-type': 'application/json' },
      body,
    })
    if (response.body === null) throw new Error('The model answered nothing.')
    const reader = response.body.getReader()
    await reader.read()
    const ms = performance.now() - startMs
    if (response.status !== 200) throw new Error(`The model answered ${response.status}.`)
    await drain(reader)
    return ms
  }
  const times: Record<Lane, number[]> = { direct: [], gateway: [] }
  const warmUp = Math.min(20, calls)
  for (let call = -warmUp; call < calls; call++) {
    const [direct, gateway] = [await ask('direct'), await ask('gateway')]
    if (call < 0) continue
    times.direct.push(direct)
    times.gateway.push(gateway)
  }
  return times
}

async function drain(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  for (let whole = false; !whole;) whole = (await reader.read()).done
}
