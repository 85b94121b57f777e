// Orgo at its network edge: workspaces, computers, their power, and bash on them. It answers as Orgo's documents say.
import type { Reply, Sent } from './kernel.ts'
import { bash, powerOff, powerOn } from './machine.ts'
import { faultAt, note, nowOf, violate } from './world.ts'
import type { Machine, World } from './world.ts'

type Answer = ReturnType<Reply['effect']>
const json = (body: unknown, status = 200): Answer => ({
  status,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

const STATUS_FAULTS: Record<string, [number, Record<string, unknown>]> = {
  orgo_401: [401, { error: 'Invalid API key' }],
  orgo_402: [402, { error: 'No paid time' }],
  orgo_403: [403, { error: 'Access denied' }],
  orgo_404: [404, { error: 'Computer not found' }],
  orgo_409: [409, { error: 'waking', code: 'computer_waking' }],
  orgo_422: [422, { error: 'Unprocessable' }],
  orgo_429: [429, { error: 'Too many requests' }],
  orgo_500: [500, { error: 'Internal error' }],
  orgo_limit: [403, { error: 'Computer limit reached', code: 'DESKTOP_LIMIT' }],
  outage: [503, { error: 'Service unavailable' }],
}

export function answerOrgo(world: World, { method, url, body }: Sent): Reply {
  const path = url.pathname.replace(/^\/api/, '')
  const parsed: Record<string, unknown> = body === '' ? {} : JSON.parse(body)
  const command = typeof parsed['command'] === 'string' ? parsed['command'] : ''
  const point = pointOf(method, path, command)
  const fault = faultAt(world, point)
  const name = typeof parsed['name'] === 'string' ? parsed['name'] : ''
  if (point === 'orgo_create') judgeCreate(world, fault, name)
  const afterMs = world.rng.int(40, point === 'orgo_create' ? 6_000 : 900)
  const act = () => {
    world.orgoAnsweredAtMs = nowOf(world)
    return carryOut(world, { point, path, command, name })
  }
  const timed = (effect: () => Answer, ms = afterMs): Reply => ({
    effectAfterMs: ms / 2,
    afterMs: ms,
    effect,
  })
  if (fault === null) return timed(act)
  if (fault === 'wrong_key') return timed(() => elsewhere(point, path))
  const refused = STATUS_FAULTS[fault]
  if (refused !== undefined) return timed(() => json(refused[1], refused[0]))
  if (fault === 'orgo_hang') return { effectAfterMs: 0, afterMs: Infinity, effect: () => 'lost' }
  if (fault === 'orgo_late')
    return { effectAfterMs: world.rng.int(60_000, 100_000), afterMs: Infinity, effect: act }
  if (fault === 'orgo_html') return timed(() => ({ status: 200, body: '<html>Just a moment...</html>' }))
  if (fault === 'kill_before') {
    world.kernel.after(1, world.kill)
    return { effectAfterMs: 2, afterMs: Infinity, effect: () => 'lost' }
  }
  return timed(() => {
    act()
    if (fault === 'kill_after') world.kill()
    return 'lost' // orgo_lost: done, and the answer never came
  })
}

/** What the key of another account sees: a workspace of the same name, and none of our machines. */
function elsewhere(point: string, path: string): Answer {
  const own = { id: 'ws-2', name: 'agent-runtime', role: 'owner', desktops: [] }
  if (point === 'orgo_list') return json(path === '/workspaces' ? { workspaces: [own] } : own)
  if (point === 'orgo_create') return json({ error: 'computer limit reached' }, 403)
  return json({ error: 'Computer not found' }, 404)
}

const UNKNOWN = ['orgo_hang', 'orgo_lost', 'orgo_late', 'kill_after']
/** A create nobody answered may still come, 100 s later here: the same one again before that may be a second machine. */
function judgeCreate(world: World, fault: string | null, name: string): void {
  const unknown = world.createUnknown
  const sinceMs = unknown === null ? Infinity : nowOf(world) - unknown.atMs
  // Under another name it is another machine: the one before was found, and lost since.
  if (unknown?.name === name && sinceMs < 100_000 && world.kernel.skewMs === 0 && world.removals === 0)
    violate(world, 'I2', `a machine is asked for ${sinceMs} ms after a create of unknown outcome`)
  world.createUnknown = fault !== null && UNKNOWN.includes(fault) ? { name, atMs: nowOf(world) } : null
}

function pointOf(method: string, path: string, command: string): string {
  const [, what = '', id, action] = path.split('/')
  if (what === 'workspaces') return method === 'POST' ? 'orgo_workspace' : 'orgo_list'
  if (id === undefined) return 'orgo_create'
  if (action === undefined) return method === 'DELETE' ? 'orgo_delete' : 'orgo_get'
  if (action !== 'bash')
    return action === 'resize' || action === 'auto-stop' ? 'orgo_awake' : `orgo_${action}`
  if (command === 'true') return 'orgo_wake'
  if (command.includes('doorbell ')) return 'orgo_bell'
  return command.includes('did() {') ? 'orgo_boot' : 'orgo_bootstatus'
}

/** Another deployment with the same key has a workspace of the same name: its machine is nobody's business here. */
const FOREIGN = 'foreign-vm'
const foreign = ({ name }: World) => ({
  id: FOREIGN,
  name: `aer-${name}-00000000`,
  status: 'running',
  workspace_id: 'ws-1',
  instance_id: 'i-foreign',
})

interface Ask {
  point: string
  path: string
  command: string
  name: string
}

function carryOut(world: World, { point, path, command, name }: Ask): Answer {
  const shown = world.machines.filter((machine) => machine.known)
  if (path.includes(FOREIGN)) violate(world, 'I9', `${point} of another deployment's machine`)
  if (point === 'orgo_list') {
    const own = {
      id: 'ws-1',
      name: 'agent-runtime',
      role: 'owner',
      desktops: [foreign(world), ...shown.map(shape)],
    }
    return json(path === '/workspaces' ? { workspaces: [own] } : own)
  }
  if (point === 'orgo_create') return json(shape(create(world, name)), 201)
  const machine = shown.find(({ id }) => id === path.split('/')[2])
  if (machine === undefined) return json({ error: 'Computer not found' }, 404)
  switch (point) {
    case 'orgo_get':
      return json(shape(machine))
    case 'orgo_delete':
      note(world, `deleted ${machine.id}`)
      powerOff(world, machine, 'gone')
      machine.known = false
      return json({ success: true })
    case 'orgo_start':
    case 'orgo_restart':
      if (point === 'orgo_restart') powerOff(world, machine, 'stopped')
      if (machine.status !== 'running') powerOn(world, machine)
      return json({ success: true })
    case 'orgo_awake':
      return json({ success: true })
    default:
      return onMachine(world, machine, command)
  }
}

function onMachine(world: World, machine: Machine, command: string): Answer {
  if (machine.status === 'suspended') {
    // Any action wakes; until then 409, up to minutes.
    // Seconds mostly, six minutes out of cold storage.
    const mostMs = world.rng.chance(0.2) ? 360_000 : 60_000
    if (machine.wakingUntilMs === 0) machine.wakingUntilMs = nowOf(world) + world.rng.int(1_000, mostMs)
    if (machine.wakingUntilMs > nowOf(world))
      return json({ error: 'waking', code: 'computer_waking', retry_after: 5 }, 409)
    // Some wake with what was running there, some as from a new boot: Orgo's documents do not say which.
    if (world.rng.chance(0.3)) {
      powerOff(world, machine, 'stopped')
      powerOn(world, machine)
    }
    machine.status = 'running'
    machine.wakingUntilMs = 0
  }
  if (machine.status !== 'running') return json({ error: 'Instance not available' }, 400)
  return json({ success: true, ...bash(world, machine, command) })
}

function create(world: World, name: string): Machine {
  world.creates += 1
  const machine: Machine = {
    id: `vm-${world.creates}`,
    name,
    status: 'creating',
    known: true,
    boot: 0,
    counter: 0,
    wakingUntilMs: 0,
    silentUntilMs: 0,
    bootNonce: null,
    bootStep: 'none',
    bootError: null,
    bootRun: 0,
    key: null,
    nonce: '',
    revision: 0,
    supervisor: null,
    syncing: false,
    plans: new Map(),
  }
  world.machines.push(machine)
  note(world, `created ${machine.id} "${name}"`)
  world.kernel.after(
    world.rng.int(1_000, 20_000),
    () => machine.status === 'creating' && powerOn(world, machine),
  )
  return machine
}

const shape = ({ id, name, status }: Machine) => ({
  id,
  name,
  status,
  workspace_id: 'ws-1',
  instance_id: `i-${id}`,
})
