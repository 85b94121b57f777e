// A world at its beginning, and where its hosts and bindings answer from.
import type { Edges } from './edges.ts'
import { answerGit, answerGithub, answerNotify } from './hosts.ts'
import type { Schedule } from './job.ts'
import { createKernel } from './kernel.ts'
import type { Reply, Sent } from './kernel.ts'
import { syncSoon } from './machine.ts'
import { answerOrgo } from './orgo.ts'
import { createRng } from './rng.ts'
import { faultAt, START_MS } from './world.ts'
import type { World } from './world.ts'

export function createWorld(schedule: Schedule, name: string): World {
  const rng = createRng(schedule.seed + 1_000_003)
  const send = (request: Sent): Reply => {
    switch (request.url.host) {
      case 'orgo.test':
        return answerOrgo(world, request)
      case 'git.test':
        return answerGit(world, request)
      case 'api.git.test':
        return answerGithub(world, request)
      case 'notify.test':
        return answerNotify(world)
      default:
        throw new Error(`unexpected request: ${request.url.href}`)
    }
  }
  const world: World = {
    rng,
    kernel: createKernel(START_MS, send),
    name,
    machines: [],
    refs: { 'refs/heads/main': '1'.repeat(40) },
    pulls: [],
    merged: new Set(),
    deletedRefs: [],
    deeds: [],
    branches: new Map(),
    revoked: new Map(),
    faults: [],
    visited: new Map(),
    state: 'none',
    notes: [],
    violations: [],
    creates: 0,
    createUnknown: null,
    atRest: [],
    orgoAnsweredAtMs: 0,
    calls: {},
    ask: () => {},
    news: (machine) => syncSoon(world, machine, 0),
    kill: () => {},
    busy: () => false,
    accepted: new Map(),
    removals: 0,
    triggers: [],
    act: () => {},
    busyMs: 0,
    requests: 0,
    script: null,
    beatMs: 10_000,
    stormy: true,
  }
  return world
}

/** The calls that leave by a binding, in place of fetch: the Account and D1. */
export function edgesOf(world: World): Edges {
  return {
    account: `account-${world.name}`,
    async around(point, call) {
      const fault = faultAt(world, point)
      if (fault === 'kill_before') {
        world.kernel.after(1, world.kill)
        await world.kernel.wait(1e9)
      }
      if (fault === 'd1_down' || fault === 'account_down') throw new Error('Network connection lost.')
      if (fault === 'd1_slow') await world.kernel.wait(world.rng.int(1_000, 25_000))
      const answer = await world.kernel.real(call)
      if (fault === 'kill_after') {
        world.kernel.after(1, world.kill)
        await world.kernel.wait(1e9)
      }
      if (fault === 'd1_unknown') throw new Error('D1 DB storage operation exceeded timeout')
      return answer
    },
  }
}
