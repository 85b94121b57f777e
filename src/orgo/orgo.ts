// Orgo's REST API, written from its documents and clients of 2026 and never yet run against the real service. Quirks are named
// where they are handled. "project" and "desktop" are old names of workspace and computer and still appear in answers.
import * as z from 'zod'
import { path } from '../lib/fetch.ts'
import { callOrgo } from './orgo-call.ts'
import type { OrgoOptions } from './orgo-call.ts'
import {
  ComputeLimits,
  Computer,
  ExecAnswer,
  isThere,
  OrgoWorkspace,
  toVm,
  Workspaces,
} from './orgo-shapes.ts'
import { MAX_COMMAND_BYTES, MAX_OUTPUT_CHARS, permanent, transient, VmError } from './vm.ts'
import type { Vm, VmProvider } from './vm.ts'

const WORKSPACE = 'agent-runtime'
const READ_TIMEOUT_MS = 15_000
const CREATE_TIMEOUT_MS = 90_000
const CHANGE_TIMEOUT_MS = 30_000
const RESTART_TIMEOUT_MS = 60_000
const EXEC_GRACE_MS = 30_000
const WAKE_EXEC_MS = 20_000

export function createOrgo(options: OrgoOptions): VmProvider {
  const read = <T>(what: string, at: string, schema: z.ZodType<T>) =>
    callOrgo(options, { what, method: 'GET', path: at, timeoutMs: READ_TIMEOUT_MS, schema })
  const change = (
    what: string,
    method: 'POST' | 'PATCH' | 'DELETE',
    at: string,
    timeoutMs: number,
    body?: Record<string, unknown>,
  ) => callOrgo(options, { what, method, path: at, timeoutMs, schema: z.unknown(), ...(body && { body }) })

  async function workspaces() {
    const answer = await read('listing the workspaces', '/workspaces', Workspaces).catch(noListing)
    return answer.workspaces ?? answer.projects ?? []
  }

  /** Returns our own Orgo workspace, not one of the same name that was shared with this account. */
  async function findWorkspace(): Promise<string | null> {
    const own = (await workspaces()).find(
      ({ name, role }) => name.toLowerCase() === WORKSPACE && (role === undefined || role === 'owner'),
    )
    return own?.id ?? null
  }

  async function ensureWorkspace(): Promise<string> {
    const existing = await findWorkspace()
    if (existing !== null) return existing
    try {
      const made = await callOrgo(options, {
        what: 'creating the workspace',
        method: 'POST',
        path: '/workspaces',
        body: { name: WORKSPACE },
        timeoutMs: READ_TIMEOUT_MS,
        schema: OrgoWorkspace,
      })
      return made.id
    } catch (error) {
      // A concurrent call created it, or it was created although the answer was lost: the list shows it.
      const found = await findWorkspace().catch(() => null)
      if (found !== null) return found
      if (!(error instanceof VmError)) throw error
      // Whatever happened to the workspace, no computer was asked for yet.
      throw new VmError({ kind: error.kind, code: 'failed', message: error.message, cause: error })
    }
  }

  async function computersOf(workspaceId: string) {
    const answer = await read('listing the computers', path`/workspaces/${workspaceId}`, OrgoWorkspace).catch(
      noListing,
    )
    return answer.desktops ?? answer.computers ?? []
  }

  async function get(id: string): Promise<Vm | 'missing'> {
    try {
      return toVm(await read('reading the computer', path`/computers/${id}`, Computer))
    } catch (error) {
      if (hasCode(error, 'missing')) return 'missing'
      throw error
    }
  }

  /** Some hosts know start and restart only by the short instance id (seen April to June 2026). */
  async function power(id: string, verb: 'start' | 'stop' | 'restart', timeoutMs: number): Promise<void> {
    const what = `a ${verb} of the computer`
    const send = async (target: string) => {
      try {
        await change(what, 'POST', path`/computers/${target}/${verb}`, timeoutMs)
      } catch (error) {
        // "Not stopped" and "not running" count as success: Orgo calls these calls idempotent. The next read decides.
        if (!hasCode(error, 'conflict')) throw error
      }
    }
    try {
      await send(id)
    } catch (error) {
      if (!hasCode(error, 'missing')) throw error
      const vm = await get(id)
      if (vm === 'missing' || vm.instanceId === null) throw error
      await send(vm.instanceId)
    }
  }

  async function exec(id: string, command: string, timeoutMs: number) {
    if (new TextEncoder().encode(command).byteLength > MAX_COMMAND_BYTES)
      throw new VmError(
        permanent(
          'command_too_long',
          `A command of more than ${MAX_COMMAND_BYTES} bytes is not sent to a computer.`,
        ),
      )
    const answer = await callOrgo(options, {
      what: 'running a command on the computer',
      method: 'POST',
      path: path`/computers/${id}/bash`,
      body: { command, timeout: Math.ceil(timeoutMs / 1_000) },
      timeoutMs: timeoutMs + EXEC_GRACE_MS,
      schema: ExecAnswer,
    })
    // exit_code is missing in the older schema. `success` once meant "exit code 0" and now means "it ran".
    const exitCode = answer.exit_code ?? (answer.success === false ? 1 : 0)
    return { exitCode, output: (answer.output ?? '').slice(-MAX_OUTPUT_CHARS) }
  }

  async function listAll() {
    const found = await workspaces()
    const lists = await Promise.all(
      found.map(async ({ id, desktops, computers }) => desktops ?? computers ?? (await computersOf(id))),
    )
    return {
      ids: lists
        .flat()
        .filter(isThere)
        .map(({ id }) => id),
      workspaceIds: found.map(({ id }) => id),
    }
  }

  return {
    get,
    exec,
    async find(name) {
      const workspaceId = await findWorkspace()
      if (workspaceId === null) return null
      const found = (await computersOf(workspaceId)).find(
        (computer) => computer.name === name && isThere(computer),
      )
      return found === undefined ? null : toVm(found, workspaceId)
    },
    async create(name) {
      const workspaceId = await ensureWorkspace()
      const made = await callOrgo(options, {
        what: 'creating a computer',
        method: 'POST',
        path: '/computers',
        body: { workspace_id: workspaceId, name },
        timeoutMs: CREATE_TIMEOUT_MS,
        schema: Computer,
      }).catch((error: unknown) => {
        if (!hasCode(error, 'missing')) throw error
        const message = `The Orgo workspace "${WORKSPACE}" went away while a computer was created in it.`
        throw new VmError({ ...transient('workspace_missing', message), cause: error })
      })
      return { ...toVm(made, workspaceId), name: made.name === '' ? name : made.name }
    },
    listAll,
    async capacity() {
      try {
        const workspaceId = await findWorkspace()
        const query = workspaceId === null ? '' : path`?workspace_id=${workspaceId}`
        const limits = await read('reading the plan', `/billing/compute-limits${query}`, ComputeLimits)
        return { used: limits.computers_used, max: limits.max_computers }
      } catch {
        return null // an undocumented page of Orgo's own client: without it only the capacity is unknown
      }
    },
    start: (id) => power(id, 'start', CHANGE_TIMEOUT_MS),
    async wake(id) {
      // Any action wakes a computer. This one is documented everywhere; `resume` only appears in Orgo's own client.
      await exec(id, 'true', WAKE_EXEC_MS)
    },
    async restart(id) {
      try {
        await power(id, 'restart', RESTART_TIMEOUT_MS)
      } catch (error) {
        if (!hasCode(error, 'unsupported')) throw error
        // Legacy hosts do not know restart (405).
        await power(id, 'stop', RESTART_TIMEOUT_MS)
        await power(id, 'start', CHANGE_TIMEOUT_MS)
      }
    },
    async destroy(id, workspaceId) {
      try {
        await change('deleting the computer', 'DELETE', path`/computers/${id}`, CHANGE_TIMEOUT_MS)
      } catch (error) {
        if (!hasCode(error, 'missing') || (await get(id)) !== 'missing') throw error
        // As with a loss, one or two refusals may be a mistake of Orgo, or a wrong key.
        const shown = await listAll()
        if (!shown.ids.includes(id) && (workspaceId === null || shown.workspaceIds.includes(workspaceId)))
          return
        if (shown.ids.includes(id)) throw error
        const message = `ORGO_API_KEY shows neither computer ${id} nor the Orgo workspace it is in: it is probably another account's key.`
        throw new VmError({ ...permanent('key_refused', message), cause: error })
      }
    },
    async keepAwake(id) {
      const body = { auto_stop_minutes: 0 }
      const what = 'switching idle suspension off'
      for (const at of [path`/computers/${id}/resize`, path`/computers/${id}/auto-stop`]) {
        try {
          await change(what, 'PATCH', at, CHANGE_TIMEOUT_MS, body)
          return true
        } catch (error) {
          if (!(error instanceof VmError)) throw error
          // This plan or host does not offer it (now): the machine then sleeps when idle, and the doorbell wakes it.
        }
      }
      return false
    },
  }
}

/** Turns "missing" of a listing into a permanent error: a denied listing says nothing about any machine. */
function noListing(error: unknown): never {
  if (!hasCode(error, 'missing')) throw error
  const message =
    'Orgo denies listing the computers. Check that ORGO_API_KEY belongs to the account that owns them.'
  throw new VmError({ ...transient('workspace_missing', message), cause: error })
}

const hasCode = (error: unknown, code: string): boolean => error instanceof VmError && error.code === code
