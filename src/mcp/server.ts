// Builds a fresh MCP server for one request: the catalog of tools, and the one catch that turns an error into text for a model.
import { McpServer, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { CallToolResult, ServerContext, StandardSchemaWithJSON } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { isRuntimeError } from '../lib/errors.ts'
import { cleanLine } from '../lib/text.ts'
import { VERSION } from '../lib/version.ts'
import type { ToolContext } from './kit/context.ts'
import { fullText } from './kit/define-tool.ts'
import type { Tool, ToolCall } from './kit/define-tool.ts'
import { INSTRUCTIONS } from './instructions.ts'
import { jsonSchemaOf } from './kit/json-schema.ts'
import { asksForTask, createPlanTasks } from './plan-tasks.ts'
import { speakPlainly } from './plain-errors.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { runTool } from './kit/run-tool.ts'
import { declaresTasks, registerTasks, TASKS_EXTENSION, taskHandle } from './tasks.ts'
import type { TaskSource } from './tasks.ts'
import { TOOLS } from './tools/index.ts'
import { planSubmit } from './tools/plan-submit.ts'

const Submitted = z.object({ plan: z.object({ id: z.string() }) })
const DEFINITIONS_TTL_MS = 5 * 60_000

export function createServer(context: ToolContext): McpServer {
  const fixed = { ttlMs: DEFINITIONS_TTL_MS, cacheScope: 'private' } as const
  const server = new McpServer(
    { name: 'agent-execution-runtime', title: 'Agent Execution Runtime', version: VERSION },
    {
      instructions: INSTRUCTIONS,
      // McpServer would claim listChanged, and clients would then hold a stream open for changes that never come.
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: false },
        prompts: { listChanged: false },
        extensions: { [TASKS_EXTENSION]: {} },
      },
      cacheHints: {
        'tools/list': fixed,
        'prompts/list': fixed,
        'resources/templates/list': fixed,
        'server/discover': fixed,
      },
    },
  )
  for (const tool of TOOLS) {
    const { name, title, description, annotations } = tool
    const { input, output } = jsonSchemaOf(tool)
    const schemas = { inputSchema: asIs(input), outputSchema: asIs(output) }
    server.registerTool(name, { title, description, annotations, ...schemas }, () => {
      throw new Error('answerCalls takes every call')
    })
  }
  const tasks = createPlanTasks(context)
  answerCalls(server, context, tasks)
  registerTasks(server, tasks)
  registerResources(server, context)
  registerPrompts(server)
  speakPlainly(server)
  return server
}

/** Replaces McpServer's own handler, which rejects a task as the answer of a tool that has an output schema. */
function answerCalls({ server }: McpServer, context: ToolContext, tasks: TaskSource): void {
  server.setRequestHandler('tools/call', async ({ params }, request) => {
    const tool = TOOLS.find(({ name }) => name === params.name)
    if (tool === undefined)
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `There is no tool "${cleanLine(params.name, 60)}". tools/list lists them.`,
      )
    const asTask = tool === planSubmit && declaresTasks(request) && asksForTask(request)
    const result = await toResult(tool, params.arguments, context, toCall(request), asTask ? tasks : null)
    return server.projectCallToolResult(result, jsonSchemaOf(tool).output)
  })
}

async function toResult(
  tool: Tool,
  args: unknown,
  context: ToolContext,
  call: ToolCall,
  tasks: TaskSource | null,
): Promise<CallToolResult> {
  try {
    const answer = await runTool({ tool, args, context, call, door: 'mcp' })
    if (tasks !== null) return taskHandle(await tasks.get(Submitted.parse(answer.structured).plan.id))
    return {
      content: [{ type: 'text', text: fullText(answer) }],
      structuredContent: { ...answer.structured },
    }
  } catch (error) {
    return { isError: true, content: [{ type: 'text', text: errorText(tool, error) }] }
  }
}

/** Only text that we wrote reaches a model. An error that is not ours becomes a bare sentence, and its cause is in the log. */
function errorText(tool: Tool, error: unknown): string {
  if (isRuntimeError(error)) return error.message
  return tool.annotations.readOnlyHint
    ? 'Something failed inside the runtime. Try again in a moment; the log of the Worker has the cause.'
    : 'Something failed inside the runtime, and it is not known whether the call took effect. Check with plan_list or workspace_list before you call it again; the log of the Worker has the cause.'
}

function toCall({ mcpReq }: ServerContext): ToolCall {
  const { _meta: meta, signal } = mcpReq
  const progressToken = meta?.progressToken
  if (progressToken === undefined) return { signal }
  return {
    signal,
    progress: (step) =>
      mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...step } }),
  }
}

/** Wraps a schema for the SDK that lets everything through: define-tool.ts parses, with the same words for MCP and HTTP. */
function asIs(json: Record<string, unknown>): StandardSchemaWithJSON {
  return {
    '~standard': {
      version: 1,
      vendor: 'agent-execution-runtime',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => json, output: () => json },
    },
  }
}
