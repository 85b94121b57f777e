// Schemas of Orgo's answers. They list only the fields this code reads, under all the names they have had. All other fields
// (among them vnc_password) are dropped here.
import * as z from 'zod'
import type { Vm, VmState } from './vm.ts'

export const Computer = z.object({
  id: z.string().min(1),
  name: z.string().catch(''),
  status: z.string().catch(''),
  url: z.string().nullish().catch(null),
  instance_id: z.string().nullish().catch(null),
  fly_instance_id: z.string().nullish().catch(null),
  workspace_id: z.string().nullish().catch(null),
  project_id: z.string().nullish().catch(null),
})
export const OrgoWorkspace = z.object({
  id: z.string().min(1),
  name: z.string().catch(''),
  role: z.string().optional().catch(undefined),
  desktops: z.array(Computer).optional(),
  computers: z.array(Computer).optional(),
})
export const Workspaces = z
  .object({ workspaces: z.array(OrgoWorkspace).optional(), projects: z.array(OrgoWorkspace).optional() })
  .refine((answer) => answer.workspaces !== undefined || answer.projects !== undefined)
export const ExecAnswer = z.object({
  output: z.string().nullish(),
  exit_code: z.int().nullish(),
  success: z.boolean().optional(),
})

export function toVm(computer: z.infer<typeof Computer>, workspaceId: string | null = null): Vm {
  const url = computer.url ?? ''
  return {
    id: computer.id,
    name: computer.name,
    state: toState(computer.status),
    url: /^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '') ? url : null,
    instanceId: computer.instance_id ?? computer.fly_instance_id ?? null,
    workspaceId: computer.workspace_id ?? computer.project_id ?? workspaceId,
  }
}

/** An unknown status means "wait": the provisioning deadline ends the wait, while a guess could delete or restart a machine. */
function toState(status: string): VmState {
  switch (status) {
    case 'running':
      return 'running'
    case 'suspended':
      return 'asleep'
    case 'stopped':
    case 'frozen': // what stop yields since October 2026
      return 'stopped'
    case 'error':
      return 'broken'
    case 'deleting':
    case 'deleted':
      return 'gone_unconfirmed'
    default:
      return 'coming_up'
  }
}

export const isThere = ({ status }: { status: string }): boolean => toState(status) !== 'gone_unconfirmed'

/** GET /billing/compute-limits, with the fields that Orgo's own client reads. */
export const ComputeLimits = z.object({ max_computers: z.number(), computers_used: z.number() })
