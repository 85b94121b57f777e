// What the stand-in remembers: workspaces and computers as Orgo's documents describe them, plus switches for the points on
// which those documents disagree.

import { z } from 'zod'

const statusSchema = z.enum([
  'creating',
  'starting',
  'running',
  'stopping',
  'stopped',
  'frozen',
  'restarting',
  'suspended',
  'error',
])

export const computerSchema = z.object({
  id: z.string(),
  instanceId: z.string(),
  name: z.string(),
  workspaceId: z.string(),
  image: z.enum(['desktop', 'bare']),
  status: statusSchema,
  ramGb: z.number(),
  cpu: z.number(),
  diskGb: z.number(),
  autoStopMinutes: z.number(),
  vncPassword: z.string(),
  createdAt: z.string(),
  bootId: z.string(),
  /** The last fill-disk fault. It survives a reboot, as a full disk does. */
  isDiskFull: z.boolean(),
})
export type Computer = z.infer<typeof computerSchema>
export type ComputerStatus = z.infer<typeof statusSchema>
export type Image = Computer['image']

export const workspaceSchema = z.object({ id: z.string(), name: z.string(), createdAt: z.string() })
export type Workspace = z.infer<typeof workspaceSchema>

export type OrgoProfile = {
  /** Documents of mid 2026 say `stopped`, Orgo's own app of October 2026 says `frozen`. */
  stopStatus: 'stopped' | 'frozen'
  /** Production answered `projects` in June 2026. */
  listKey: 'workspaces' | 'projects'
  /** When false, starting a running or stopping a stopped computer answers 409. */
  idempotentStartStop: boolean
  /** When false, waking from suspend is a cold boot. */
  suspendKeepsProcesses: boolean
  /** The plan's limit on computers. */
  maxComputers: number
  /** How long bash still answers "Desktop instance not available" after the status says running. */
  agentDelayMs: number
  /** Length of an auto-stop minute; tests shorten it. */
  autoStopMinuteMs: number
}

export const defaultProfile: OrgoProfile = {
  stopStatus: 'stopped',
  listKey: 'workspaces',
  idempotentStartStop: true,
  suspendKeepsProcesses: true,
  maxComputers: 8,
  agentDelayMs: 150,
  autoStopMinuteMs: 60_000,
}

/** A refusal in Orgo's form: `{error, code?, ...}` with its HTTP status. */
export class OrgoError extends Error {
  override name = 'OrgoError'
  readonly status: number
  readonly extra: Record<string, unknown>
  constructor(status: number, message: string, extra: Record<string, unknown> = {}) {
    super(message)
    this.status = status
    this.extra = extra
  }
}
