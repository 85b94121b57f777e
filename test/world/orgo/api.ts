// The part of Orgo's REST API that the runtime uses, mounted at /api. Texts, codes and quirks follow Orgo's documents.

import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { computerAnswer, workspaceAnswer } from './answers.ts'
import type { Computers } from './computers.ts'
import { addComputerRoutes } from './computer-routes.ts'
import type { OrgoEnv } from './faults.ts'
import { OrgoError } from './model.ts'
import type { Computer, Image, OrgoProfile, Workspace } from './model.ts'
import type { Store } from './store.ts'

export type ApiOptions = {
  apiKey: string
  store: Store
  computers: Computers
  profile: OrgoProfile
  defaultImage: Image
  log: (line: string) => void
}

export function createApi(options: ApiOptions): Hono<OrgoEnv> {
  const { store, computers, profile } = options
  const app = new Hono<OrgoEnv>()

  app.use('*', async (c, next) => {
    const header = c.req.header('authorization')
    if (header === undefined) throw new OrgoError(401, 'Missing API key.')
    if (header !== `Bearer ${options.apiKey}`)
      throw new OrgoError(401, 'Invalid API key. Check it and try again.')
    await next()
  })
  app.notFound((c) => c.json({ error: 'Not found' }, 404))
  app.onError((error, c) => {
    if (error instanceof OrgoError) return refuse(c, error)
    if (error instanceof z.ZodError) return refuse(c, new OrgoError(400, z.prettifyError(error)))
    if (error instanceof SyntaxError) return refuse(c, new OrgoError(400, 'Invalid JSON body'))
    options.log(`orgo: ${c.req.method} ${c.req.path}: ${error.stack ?? String(error)}`)
    return refuse(c, new OrgoError(500, 'Internal server error'))
  })

  const workspaceOf = (id: string): Workspace => {
    const found = store.workspaces.get(id)
    if (found === undefined) throw new OrgoError(404, 'Workspace not found')
    return found
  }
  const answer = (computer: Computer) =>
    computerAnswer(computer, store.workspaces.get(computer.workspaceId)?.name ?? '')

  app.get('/workspaces', (c) => {
    const list = [...store.workspaces.values()].map((it) => workspaceAnswer(it, computers.list()))
    return c.json({ [profile.listKey]: list })
  })

  const nameSchema = z.object({ name: z.string().trim().min(1) })
  app.post('/workspaces', async (c) => {
    const { name } = nameSchema.parse(await c.req.json())
    const isTaken = [...store.workspaces.values()].some((it) => it.name.toLowerCase() === name.toLowerCase())
    if (isTaken) throw new OrgoError(400, `A workspace named "${name}" already exists`)
    const workspace = { id: randomUUID(), name, createdAt: new Date().toISOString() }
    store.workspaces.set(workspace.id, workspace)
    store.save()
    return c.json(workspaceAnswer(workspace, []), 201)
  })

  // Orgo's own client calls this; its documents give the fields.
  app.get('/billing/compute-limits', (c) =>
    c.json({ max_computers: profile.maxComputers, computers_used: computers.list().length }),
  )

  app.get('/workspaces/:id', (c) => {
    const workspace = workspaceOf(c.req.param('id'))
    const own = computers.list().filter((it) => it.workspaceId === workspace.id)
    return c.json({ ...workspaceAnswer(workspace, own), desktops: own.map(answer) })
  })

  app.delete('/workspaces/:id', async (c) => {
    const workspace = workspaceOf(c.req.param('id'))
    const own = computers.list().filter((it) => it.workspaceId === workspace.id)
    await Promise.all(own.map((computer) => computers.remove(computer)))
    store.workspaces.delete(workspace.id)
    store.save()
    return c.json({ success: true })
  })

  app.get('/billing/compute-limits', (c) =>
    c.json({
      max_computers: profile.maxComputers,
      computers_used: computers.list().length,
      max_ram_gb: 16,
      account_ram_budget_gb: profile.maxComputers * 8,
      account_ram_used_gb: computers.list().reduce((sum, it) => sum + it.ramGb, 0),
    }),
  )

  app.get('/desktops/:id/proxy/health', (c) => {
    const computer = computers.list().find((it) => it.instanceId === c.req.param('id'))
    if (computer === undefined) throw new OrgoError(404, 'Computer not found')
    if (!computers.isReady(computer))
      throw new OrgoError(503, 'Could not reach the desktop. Try again in a moment.')
    return c.json({ status: 'ok' })
  })

  addComputerRoutes(app, { ...options, workspaceOf, answer })
  return app
}

function refuse(c: Context, { status, message, extra }: OrgoError): Response {
  // Hono narrows statuses to a union of literals; ours come from the few throws in this folder.
  return c.json({ error: message, request_id: randomUUID(), ...extra }, status as ContentfulStatusCode)
}
