// Shared by the tests of the model stand-in: a client like the agent's, tools that record their calls, and raw requests.
import Anthropic from '@anthropic-ai/sdk'
import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta/messages/messages'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { startModel } from '../../world/model/server.ts'
import type { ModelStandIn, ModelStandInOptions } from '../../world/model/server.ts'

export const KEY = 'model-key-for-tests'
export const MODEL = 'claude-opus-5-5'

export async function openModel(
  options: Partial<ModelStandInOptions> = {},
): Promise<ModelStandIn & AsyncDisposable> {
  const model = await startModel({ port: 0, apiKey: KEY, ...options })
  return { ...model, [Symbol.asyncDispose]: () => model.close() }
}

export function connect(model: ModelStandIn, maxRetries = 0): Anthropic {
  return new Anthropic({ apiKey: KEY, baseURL: model.url, maxRetries })
}

let planCount = 0
/** Returns an id as the runtime makes it: the ids of one workspace's plans begin alike. */
export function newPlanId(): string {
  planCount += 1
  return `a1b2c3d4-e5f6-8000-8000-${planCount.toString(16).padStart(12, '0')}`
}

const block = (info: string, text: string): string => `\n\`\`\`${info}\n${text}\n\`\`\`\n`
export const sh = (command: string): string => block('sh', command)
export const script = (value: unknown): string => block('model', JSON.stringify(value))

export const firstMessage = (id: string, plan: string): BetaMessageParam => ({
  role: 'user',
  content: `Work on this.\n<plan id="${id}">${plan}</plan>\nEnvironment: none.`,
})

export type Called = { name: string; input: unknown }
type Run = { id: string; plan: string; stream?: boolean; maxTurns?: number; rejectFinish?: number }

/** Runs the SDK's own loop on a plan. Returns the calls, the last stop reason and the history. */
export async function runPlan(
  client: Anthropic,
  run: Run,
): Promise<{
  called: Called[]
  stopReasons: (string | null)[]
  messages: BetaMessageParam[]
  texts: string[]
}> {
  const called: Called[] = []
  const stopReasons: (string | null)[] = []
  const texts: string[] = []
  let rejections = run.rejectFinish ?? 0
  const tool = (name: string) =>
    betaTool({
      name,
      description: `the tool ${name}`,
      inputSchema: { type: 'object', properties: {}, additionalProperties: true },
      run: (input) => {
        called.push({ name, input })
        if (name !== 'finish') return 'exit code 0'
        rejections -= 1
        if (rejections >= 0) throw new ToolError('rejected: a check failed')
        return 'accepted'
      },
    })
  const runner = client.beta.messages.toolRunner({
    ...settings,
    thread: false,
    stream: run.stream ?? true,
    max_iterations: run.maxTurns ?? 30,
    tools: ['ask', 'bash', 'edit', 'finish', 'grep', 'read', 'write'].map(tool),
    messages: [firstMessage(run.id, run.plan)],
  })
  for await (const turn of runner) {
    const message = 'finalMessage' in turn ? await turn.finalMessage() : turn
    stopReasons.push(message.stop_reason)
    for (const part of message.content) if (part.type === 'text') texts.push(part.text)
    await runner.generateToolResponse()
  }
  return { called, stopReasons, messages: runner.params.messages, texts }
}

export const settings = {
  model: MODEL,
  max_tokens: 4_000,
  system: 'You are Ralph Wiggum.',
  thinking: { type: 'adaptive' as const },
}

export const tools = [{ name: 'bash', input_schema: { type: 'object' } }]

/** Sends a request without the SDK, so that it may be invalid. */
export async function send(
  model: ModelStandIn,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown; text: string; headers: Headers }> {
  const response = await fetch(`${model.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'anthropic-version': '2026-10-21', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text.startsWith('{') ? JSON.parse(text) : null,
  }
}
