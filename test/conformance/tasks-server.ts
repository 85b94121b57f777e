// The tools the Tasks scenarios of the suite call by name, over the product's own Tasks module (src/mcp/tasks.ts): a test entry,
// because a product has no `slow_compute`. Tasks live in memory; everything on the wire is the module's.
import { createServer as createHttpServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server'
import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server'
import { createMcpHandler } from 'agents/mcp/server'
import { z } from 'zod'
import { NotFoundError } from '../../src/lib/errors.ts'
import {
  declaresTasks,
  registerTasks,
  requireTasks,
  TASKS_EXTENSION,
  taskHandle,
} from '../../src/mcp/tasks.ts'
import type { Task, TaskSource } from '../../src/mcp/tasks.ts'
import { listen, shut } from '../world/listen.ts'

const text = (words: string): CallToolResult => ({ content: [{ type: 'text', text: words }] })
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const question = (message: string, name: string): NonNullable<Task['inputRequests']>[string] => ({
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message,
    requestedSchema: { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] },
  },
})

const tasks = new Map<string, Task>()

const source: TaskSource = {
  async get(taskId) {
    const task = tasks.get(taskId)
    if (task === undefined) throw new NotFoundError('There is no such task.')
    return task
  },
  async update(taskId, responses) {
    const { inputRequests = {} } = await source.get(taskId)
    const open = Object.fromEntries(Object.entries(inputRequests).filter(([key]) => !(key in responses)))
    const isOver = Object.keys(open).length === 0
    change(taskId, isOver ? { status: 'completed', result: text('Answered.') } : { inputRequests: open })
  },
  async cancel(taskId) {
    await source.get(taskId)
    change(taskId, { status: 'cancelled' })
  },
}

/** Of a task that is not over. */
function change(taskId: string, fields: Partial<Task>): void {
  const task = tasks.get(taskId)
  if (task === undefined || ['completed', 'failed', 'cancelled'].includes(task.status)) return
  const { inputRequests: _answered, ...rest } = task
  const kept = fields.status === undefined || fields.status === 'input_required' ? task : rest
  tasks.set(taskId, { ...kept, ...fields, lastUpdatedAtMs: Date.now() })
}

function begin(fields: Partial<Task> = {}): Task {
  const task: Task = {
    taskId: crypto.randomUUID(),
    status: 'working',
    createdAtMs: Date.now(),
    lastUpdatedAtMs: Date.now(),
    ttlMs: 60_000,
    pollIntervalMs: 200,
    ...fields,
  }
  tasks.set(task.taskId, task)
  return task
}

/** A task that becomes what the work says; the same work at once for a client without tasks. */
async function asTask(context: ServerContext, work: () => Promise<Partial<Task>>): Promise<CallToolResult> {
  if (!declaresTasks(context)) return (await work()).result ?? text('Nothing.')
  const task = begin()
  void work().then((fields) => change(task.taskId, { status: 'completed', ...fields }))
  return taskHandle(task)
}

type Fixture = (args: Record<string, unknown>, context: ServerContext) => Promise<unknown>

const FIXTURES: Record<string, Fixture> = {
  greet: async ({ name }) => text(`Hello, ${String(name)}!`),
  slow_compute: (args, context) => {
    const seconds = z.number().catch(0).parse(args['seconds'])
    return asTask(context, async () => {
      await sleep(seconds * 1_000)
      return { result: text(`Computed for ${seconds} s.`) }
    })
  },
  failing_job: async (_args, context) => {
    requireTasks(context)
    return asTask(context, async () => {
      await sleep(1_000)
      return { result: { ...text('It failed.'), isError: true } }
    })
  },
  protocol_error_job: (_args, context) =>
    asTask(context, async () => ({ status: 'failed', error: { code: -32_603, message: 'It broke.' } })),
  confirm_delete: async () =>
    taskHandle(begin({ status: 'input_required', inputRequests: { confirm: question('Delete?', 'yes') } })),
  multi_input: async () =>
    taskHandle(
      begin({
        status: 'input_required',
        inputRequests: { name: question('Name?', 'name'), age: question('Age?', 'age') },
      }),
    ),
  test_tool_with_task: async (_args, context) => {
    requireTasks(context)
    const Name = z.object({ name: z.string() })
    const answer = acceptedContent(context.mcpReq.inputResponses, 'user_name', Name)
    if (answer !== undefined)
      return asTask(context, async () => ({ result: text(`Done for ${answer.name}.`) }))
    return inputRequired({
      inputRequests: { user_name: inputRequired.elicit({ message: 'Your name?', requestedSchema: Name }) },
    })
  },
}

function createServer(): McpServer {
  const server = new McpServer(
    { name: 'tasks-fixtures', version: '1' },
    { capabilities: { tools: { listChanged: false }, extensions: { [TASKS_EXTENSION]: {} } } },
  )
  for (const name of Object.keys(FIXTURES))
    server.registerTool(name, { description: name, inputSchema: z.looseObject({}) }, () => text(''))
  server.server.setRequestHandler('tools/call', async ({ params }, context) => {
    const fixture = FIXTURES[params.name]
    if (fixture === undefined) throw new Error(`no tool ${params.name}`)
    // A test seam: each fixture answers what its scenario wants, tasks and rounds of input among it.
    return (await fixture({ ...params.arguments }, context)) as CallToolResult
  })
  registerTasks(server, source)
  return server
}

export async function startTasksServer(): Promise<{ url: string } & AsyncDisposable> {
  const handler = createMcpHandler(createServer)
  const listener = getRequestListener((request) => handler.fetch(request))
  const server = createHttpServer((incoming, outgoing) => void listener(incoming, outgoing))
  return { url: `${await listen(server, 0)}/mcp`, [Symbol.asyncDispose]: () => shut(server) }
}
