// /computers of the API: creating, life cycle, size and bash.

import type { Hono } from 'hono'
import { z } from 'zod'
import type { ApiOptions } from './api.ts'
import type { OrgoEnv } from './faults.ts'
import { OrgoError } from './model.ts'
import type { Computer, Image, Workspace } from './model.ts'

const MAX_COMMAND_BYTES = 32 * 1024
const DEFAULT_TIMEOUT_S = 200
const MAX_TIMEOUT_S = 300
const MAX_DISK_GB = 300

const createSchema = z.object({
  workspace_id: z.string().optional(),
  project_id: z.string().optional(),
  name: z.string().trim().min(1),
  ram: z.literal([4, 8, 16, 32, 64]).default(4),
  cpu: z.literal([0.5, 1, 2, 4, 8, 16]).default(1),
  disk_size_gb: z.number().int().positive().max(MAX_DISK_GB).default(20),
  auto_stop_minutes: z.number().int().min(0).default(0),
  image: z.string().optional(),
  template_ref: z.string().optional(),
})
const resizeSchema = z.object({
  vcpus: z.literal([1, 2, 4, 8, 16]).optional(),
  mem_gb: z.literal([4, 8, 16, 32]).optional(),
  disk_size_gb: z.number().int().positive().max(MAX_DISK_GB).optional(),
  auto_stop_minutes: z.number().int().min(0).optional(),
})
const bashSchema = z.object({
  command: z.string().min(1),
  timeout: z.number().int().min(1).max(MAX_TIMEOUT_S).default(DEFAULT_TIMEOUT_S),
})

export type RoutesOptions = ApiOptions & {
  workspaceOf: (id: string) => Workspace
  answer: (computer: Computer) => Record<string, unknown>
}

export function addComputerRoutes(app: Hono<OrgoEnv>, options: RoutesOptions): void {
  const { computers, store, profile, answer } = options
  const { power } = computers
  const find = (id: string): Computer => {
    const found = computers.list().find((it) => it.id === id || it.instanceId === id)
    if (found === undefined) throw new OrgoError(404, 'Computer not found')
    return found
  }
  const imageOf = (name: string, wanted: string | undefined): Image =>
    name.endsWith('-bare') || /(^|\/)bare(@|$)/.test(wanted ?? '') ? 'bare' : options.defaultImage

  app.get('/computers', () => {
    throw new OrgoError(405, 'Method not allowed')
  })

  app.post('/computers', async (c) => {
    const input = createSchema.parse(await c.req.json())
    const workspaceId = input.workspace_id ?? input.project_id
    if (workspaceId === undefined) throw new OrgoError(400, 'workspace_id is required')
    options.workspaceOf(workspaceId)
    const computer = computers.create({
      name: input.name,
      workspaceId,
      image: imageOf(input.name, input.image ?? input.template_ref),
      ramGb: input.ram,
      cpu: input.cpu,
      diskGb: input.disk_size_gb,
      autoStopMinutes: input.auto_stop_minutes,
    })
    return c.json(answer(computer), 201)
  })

  app.get('/computers/:id', (c) => c.json(answer(find(c.req.param('id')))))

  app.delete('/computers/:id', async (c) => {
    await computers.remove(find(c.req.param('id')))
    return c.json({ success: true })
  })

  app.post('/computers/:id/start', async (c) => {
    const computer = find(c.req.param('id'))
    if (computer.status === 'suspended') {
      await power.wake(computer)
    } else if (['stopped', 'frozen', 'error'].includes(computer.status)) {
      power.setStatus(computer, 'starting')
      void power.start(computer)
    } else if (!profile.idempotentStartStop) {
      throw new OrgoError(409, `Computer is not stopped (status: ${computer.status})`)
    }
    return c.json({ success: true, status: computer.status })
  })

  app.post('/computers/:id/stop', (c) => {
    const computer = find(c.req.param('id'))
    const isDown = ['stopped', 'frozen', 'stopping'].includes(computer.status)
    if (isDown && !profile.idempotentStartStop)
      throw new OrgoError(409, `Computer is not running (status: ${computer.status})`)
    if (!isDown) {
      power.setStatus(computer, 'stopping')
      void power.halt(computer, profile.stopStatus)
    }
    return c.json({ success: true, status: computer.status })
  })

  app.post('/computers/:id/restart', (c) => {
    void power.restart(find(c.req.param('id')))
    return c.json({ success: true, status: 'restarting' })
  })

  app.post('/computers/:id/resume', async (c) => {
    const computer = find(c.req.param('id'))
    if (!['running', 'suspended'].includes(computer.status))
      throw new OrgoError(409, `Computer is not suspended (status: ${computer.status})`)
    await power.wake(computer)
    return c.json({ success: true })
  })

  app.post('/computers/:id/ensure-running', async (c) => {
    const computer = find(c.req.param('id'))
    if (computer.status === 'suspended') await power.wake(computer)
    else if (computer.status !== 'running') await power.start(computer)
    return c.json(answer(computer))
  })

  app.post('/computers/:id/clone', async (c) => {
    const source = find(c.req.param('id'))
    const text = await c.req.text()
    const body = z
      .object({ name: z.string().trim().min(1).optional() })
      .parse(text === '' ? {} : JSON.parse(text))
    const copy = await computers.clone(source, body.name ?? `${source.name} (clone)`)
    return c.json({ id: copy.id, name: copy.name, status: copy.status }, 201)
  })

  app.get('/computers/:id/resize', (c) =>
    c.json({ current_disk_gb: find(c.req.param('id')).diskGb, max_disk_gb: MAX_DISK_GB }),
  )

  app.patch('/computers/:id/resize', async (c) => {
    const computer = find(c.req.param('id'))
    const wanted = resizeSchema.parse(await c.req.json())
    await power.wake(computer)
    if (computer.status !== 'running') throw new OrgoError(409, 'Computer must be running')
    if ((wanted.disk_size_gb ?? computer.diskGb) < computer.diskGb)
      throw new OrgoError(400, 'Disk can only grow')
    computer.cpu = wanted.vcpus ?? computer.cpu
    computer.ramGb = wanted.mem_gb ?? computer.ramGb
    computer.diskGb = wanted.disk_size_gb ?? computer.diskGb
    computer.autoStopMinutes = wanted.auto_stop_minutes ?? computer.autoStopMinutes
    store.save()
    const { cpu, ramGb, diskGb, autoStopMinutes } = computer
    const effective = { vcpus: cpu, mem_gb: ramGb, disk_size_gb: diskGb, bandwidth_limit_mbps: 1000 }
    return c.json({ ...effective, auto_stop_minutes: autoStopMinutes })
  })

  app.get('/computers/:id/auto-stop', (c) =>
    c.json({ auto_stop_minutes: find(c.req.param('id')).autoStopMinutes, configurable: true }),
  )

  app.patch('/computers/:id/auto-stop', async (c) => {
    const computer = find(c.req.param('id'))
    const minutes = resizeSchema
      .required({ auto_stop_minutes: true })
      .parse(await c.req.json()).auto_stop_minutes
    await power.wake(computer)
    computer.autoStopMinutes = minutes
    store.save()
    return c.json({ auto_stop_minutes: minutes, auto_suspend_after: minutes === 0 ? '0s' : `${minutes}m` })
  })

  app.post('/computers/:id/bash', async (c) => {
    const computer = find(c.req.param('id'))
    const { command, timeout } = bashSchema.parse(await c.req.json())
    if (Buffer.byteLength(command) > MAX_COMMAND_BYTES) throw new OrgoError(400, 'Command is too long')
    const { output, exitCode } = await computers.bash(computer, command, timeout)
    return c.json({ success: true, action: 'bash', command, output, exit_code: exitCode })
  })
}
