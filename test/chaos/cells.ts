// The cells of state × fault × point that can be reached, one by one: at which calls of the object what may go wrong in which state.
import { MACHINE_EVENTS, OBJECT_EVENTS, POINTS } from './points.ts'

const VM_COMING = ['creating', 'known', 'booting', 'recovering']
const OPEN = ['queued', 'running', 'stopping']
/** States in which a call is made. report.ts names those that are made often and are not here. */
export const STATES: Record<string, string[]> = {
  orgo_list: ['creating', 'known', 'recovering'],
  orgo_get: [...VM_COMING, 'running'],
  orgo_create: ['creating', 'recovering'],
  orgo_boot: ['known', 'recovering'],
  orgo_bootstatus: ['booting', 'recovering'],
  orgo_awake: ['known', 'recovering'],
  orgo_bell: [...OPEN, 'paused'],
  orgo_start: ['recovering'],
  orgo_wake: ['booting'],
  orgo_restart: ['recovering'],
  orgo_delete: ['removed'],
  git_refs: ['none', 'running', 'unmerged'],
  git_list: ['none', 'running', 'unmerged', 'idle'],
  git_delete: ['unmerged'],
  github_pulls: ['unmerged'],
  github_compare: ['unmerged'],
  github_open: ['unmerged'],
  notify_post: ['running', 'paused', 'unmerged'],
  account_canCall: [...VM_COMING, ...OPEN, 'paused'],
  account_acquireCreate: ['creating', 'recovering'],
  account_releaseCreate: ['creating', 'recovering'],
  account_noteRateLimit: ['creating'],
  account_grantMonth: ['running'],
  account_returnMonth: ['paused', 'stopping', 'unmerged'],
  d1_batch: [...VM_COMING, ...OPEN, 'idle', 'unmerged', 'paused'],
  vm_sync: ['booting', 'recovering', 'running', 'stopping', 'paused', 'unmerged', 'idle'],
  vm_ticket: ['booting', 'recovering'],
  gate_model: ['running'],
  gate_push: ['running'],
}

export const CELLS: string[] = [
  ...Object.entries(STATES).flatMap(([point, states]) =>
    (POINTS[point] ?? []).flatMap((fault) => states.map((state) => `${state} × ${fault} × ${point}`)),
  ),
  ...[...MACHINE_EVENTS, ...OBJECT_EVENTS].flatMap((event) =>
    ['running', 'idle'].map((state) => `${state} × ${event} × at rest`),
  ),
]
