// The stand-in's control routes for tests: faults, events from outside a computer, and the log of calls.
// The local world mounts them at a secret path; they are not part of Orgo's API.

import { Hono } from 'hono'
import type { Context } from 'hono'
import { z } from 'zod'
import type { Computers } from './computers.ts'
import { faultSchema } from './faults.ts'
import type { Faults } from './faults.ts'
import { OrgoError } from './model.ts'
import type { Computer } from './model.ts'

export function createControl(computers: Computers, faults: Faults): Hono {
  const app = new Hono()
  app.onError((error, c) => {
    if (error instanceof z.ZodError) return c.json({ error: z.prettifyError(error) }, 400)
    const isMissing = error instanceof OrgoError && error.status === 404
    return c.json({ error: error.message }, isMissing ? 404 : 400)
  })

  app.post('/orgo/faults', async (c) => {
    faults.add(faultSchema.parse(await c.req.json()))
    return c.json({ ok: true })
  })
  app.delete('/orgo/faults', (c) => {
    faults.clear()
    return c.json({ ok: true })
  })
  app.get('/orgo/calls', (c) => c.json(faults.calls))
  app.get('/orgo/computers', (c) =>
    c.json(computers.list().map(({ id, name, status, image }) => ({ id, name, status, image }))),
  )

  const steps: Record<string, (computer: Computer, c: Context) => Promise<void>> = {
    suspend: (computer) => computers.power.suspend(computer),
    // Every process ends by SIGKILL and none is restarted, as after a crash of the machine.
    kill: (computer) => computers.power.halt(computer, 'stopped'),
    delete: (computer) => computers.remove(computer),
    reboot: (computer) => computers.power.restart(computer),
    async 'fill-disk'(computer, c) {
      const text = await c.req.text()
      const { undo } = z
        .object({ undo: z.boolean().default(false) })
        .parse(text === '' ? {} : JSON.parse(text))
      await computers.setDiskFull(computer, !undo)
    },
  }
  app.post('/orgo/computers/:id/:step', async (c) => {
    const computer = computers.find(c.req.param('id'))
    const step = steps[c.req.param('step')]
    if (computer === undefined || step === undefined) throw new OrgoError(404, 'no such computer or step')
    await step(computer, c)
    return c.json({ ok: true, status: computer.status })
  })
  return app
}
