// The wire format of the Tasks extension (io.modelcontextprotocol/tasks, SEP-2663) over any source of tasks: handles, tasks/get,
// tasks/update, tasks/cancel. What a task is, the source defines (plan-tasks.ts; fixtures in test/conformance). The SDK has no
// Tasks API (2.4), but lets us register methods of our own.
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
} from '@modelcontextprotocol/server'
import type { CallToolResult, McpServer, ServerContext } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { asProtocol } from './kit/protocol-error.ts'

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'

export type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled'

export interface Task {
  taskId: string
  status: TaskStatus
  statusMessage?: string
  createdAtMs: number
  lastUpdatedAtMs: number
  /** null: the task is kept for good. */
  ttlMs: number | null
  pollIntervalMs: number
  /** completed: the answer of the call, also when the tool failed. */
  result?: CallToolResult
  /** failed: an error of the protocol. */
  error?: { code: number; message: string; data?: unknown }
  /** input_required: open questions, each under a key that is answered at most once. */
  inputRequests?: Record<string, { method: 'elicitation/create'; params: Record<string, unknown> }>
}

export interface TaskSource {
  /** Throws NotFoundError for an unknown id, as do the methods below. */
  get: (taskId: string) => Promise<Task>
  /** Answers by key; answers to questions that are not open are ignored. */
  update: (taskId: string, responses: Record<string, unknown>) => Promise<void>
  /** Does nothing to a task that is over. */
  cancel: (taskId: string) => Promise<void>
}

const Capabilities = z.object({ extensions: z.record(z.string(), z.unknown()).optional() })
const OfTask = z.looseObject({ taskId: z.string().max(200) })

/** Tasks exist only for a client that declared the extension in this very request; a client of 2025 cannot. */
export function declaresTasks({ mcpReq }: ServerContext): boolean {
  const envelope: Record<string, unknown> = { ...mcpReq.envelope }
  const declared = Capabilities.safeParse(envelope[CLIENT_CAPABILITIES_META_KEY])
  return declared.success && declared.data.extensions?.[TASKS_EXTENSION] !== undefined
}

/**
 * Returns what tools/call answers instead of a result. The task must be readable already: pass what the source's get returned.
 */
export function taskHandle(task: Task): CallToolResult {
  // A cast at a platform seam: the SDK's type of a call's result has no tasks, but its 2026-07-28 codec passes them through.
  return { resultType: 'task', ...baseFields(task) } as unknown as CallToolResult
}

export function requireTasks(context: ServerContext): void {
  if (!declaresTasks(context))
    throw new MissingRequiredClientCapabilityError({
      requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
    })
}

export function registerTasks({ server }: McpServer, source: TaskSource): void {
  server.setRequestHandler('tasks/get', { params: OfTask }, ({ taskId }, context) =>
    asProtocol('tasks/get', async () => {
      requireTasks(context)
      const task = await source.get(taskId)
      return {
        resultType: 'complete',
        ...baseFields(task),
        ...(task.result === undefined ? {} : { result: { resultType: 'complete', ...task.result } }),
        ...(task.error === undefined ? {} : { error: task.error }),
        ...(task.inputRequests === undefined ? {} : { inputRequests: task.inputRequests }),
      }
    }),
  )
  // The SDK (2.4) takes inputResponses out of the params before this runs; requiring it in the schema would refuse every call.
  server.setRequestHandler('tasks/update', { params: OfTask }, ({ taskId }, context) =>
    asProtocol('tasks/update', async () => {
      requireTasks(context)
      await source.update(taskId, { ...context.mcpReq.inputResponses })
      return { resultType: 'complete' }
    }),
  )
  server.setRequestHandler('tasks/cancel', { params: OfTask }, ({ taskId }, context) =>
    asProtocol('tasks/cancel', async () => {
      requireTasks(context)
      await source.cancel(taskId)
      return { resultType: 'complete' }
    }),
  )
}

function baseFields(task: Task) {
  return {
    taskId: task.taskId,
    status: task.status,
    ...(task.statusMessage === undefined ? {} : { statusMessage: task.statusMessage }),
    createdAt: new Date(task.createdAtMs).toISOString(),
    lastUpdatedAt: new Date(task.lastUpdatedAtMs).toISOString(),
    ttlMs: task.ttlMs,
    pollIntervalMs: task.pollIntervalMs,
  }
}
