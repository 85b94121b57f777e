// The cells of state × fault × point that can be reached, one by one: at which calls of the object what may go wrong in which state.
import { MACHINE_EVENTS, OBJECT_EVENTS, POINTS } from './points.ts'

const VM_COMING = ['creating', 'known', 'booting', 'recovering']
/** States in which a call is made. */
const STATES: Record<string, string[]> = {
  orgo_list: ['creating'],
  orgo_get: [...VM_COMING],
  orgo_create: ['creating'],
  orgo_boot: ['known', 'recovering'],
  orgo_bootstatus: ['booting', 'recovering'],
  orgo_awake: ['known'],
  orgo_bell: ['queued', 'running', 'stopping'],
  d1_batch: ['creating', 'running', 'queued', 'idle', 'unmerged', 'stopping', 'paused'],
  vm_sync: ['running', 'stopping'],
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
