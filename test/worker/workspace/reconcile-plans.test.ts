// Which queued plans the alarm starts, and what it does while it does not know the remote's default branch.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newVmRecord } from '../../../src/workspace/records/new-records.ts'
import { concatBytes, FLUSH } from '../../../src/git/pkt-line.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { runningPlan, withAlarm } from '../support/own-alarm.ts'
import type { PausedReason } from '../../../src/shared/words.ts'
import { planRecord, tellAll } from '../support/own-store.ts'

const MINUTE = 60_000
const [A, B, C] = ['a', 'b', 'c'].map((last) => `00000000-0000-8000-8000-00000000000${last}`) as [
  string,
  string,
  string,
]
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const gitCalls = () =>
  vi
    .mocked(fetch)
    .mock.calls.map(([input]) => new Request(input).url)
    .filter((url) => url.includes('git.test'))

describe('a queued plan', () => {
  it('starts on the branch of its own, else on the remote’s, and the VM is told at once', () =>
    withAlarm(
      { plans: [planRecord(A, { base: 'release' }), planRecord(B, { base: '' })] },
      async ({ ring, plan, core, clock }) => {
        core.settings = () => {
          throw new Error('no bell in this test')
        }
        await ring()
        expect(plan(A)).toMatchObject({ status: 'running', base: 'release', startedAtMs: clock.nowMs })
        expect(plan(B)).toMatchObject({ status: 'running', base: 'main' })
        expect(core.store.workspace()?.supervisor.ringWanted).toBe(true)
        expect(gitCalls()).toEqual([])
      },
    ))
  it('waits for a slot, and nobody is rung for it', () =>
    withAlarm({ workspace: { maxParallel: 1 } }, async ({ ring, plan, core, clock, workspace }) => {
      core.store.insertPlan(runningPlan(A, clock.nowMs), 'x')
      core.store.insertPlan(planRecord(B), 'x')
      await ring()
      expect(plan(B)).toMatchObject({ status: 'queued' })
      expect(workspace()?.supervisor.ringWanted).toBe(false)
      expect(outside.orgoCalls).toEqual([])
    }))
  it('waits for the machine, and the git host is not asked for it', () =>
    withAlarm(
      {
        workspace: {
          branch: null,
          vm: { ...newVmRecord('v'), id: 'vm-1', step: 'booting' },
        },
        plans: [planRecord(A)],
      },
      async ({ ring, plan, core, clock }) => {
        core.store.changeWorkspace((record) => void (record.retryAtMs = clock.nowMs + MINUTE))
        await ring()
        expect(plan(A)).toMatchObject({ status: 'queued' })
        expect(outside.orgoCalls).toEqual([])
        expect(gitCalls()).toEqual([])
      },
    ))
})

describe('a workspace that does not know its branch', () => {
  const tables = () => ({ workspace: { branch: null }, plans: [planRecord(A, { base: '' })] })
  const paused = (nowMs: number, reason: PausedReason, detail: string) =>
    planRecord(A, {
      base: '',
      status: 'paused',
      pausedReason: reason,
      statusDetail: detail,
      pausedAtMs: nowMs,
    })
  it('learns it from the remote, tells D1, and starts its plan on it', () =>
    withAlarm(tables(), async ({ ring, plan, workspace, core }) => {
      core.store.changeWorkspace((record) => void (record.gitSilentSinceMs = 5))
      tellAll(core.store)
      const { revision } = core.store.workspace() ?? { revision: NaN }
      await ring()
      expect(workspace()).toMatchObject({ branch: 'main', gitSilentSinceMs: null })
      expect(workspace()?.revision).toBe(revision + 2)
      expect(plan(A)).toMatchObject({ status: 'running', base: 'main' })
    }))
  it('asks for nothing but HEAD, with 10 s for an answer', () =>
    withAlarm(tables(), async ({ ring }) => {
      const timeouts = vi.spyOn(AbortSignal, 'timeout')
      await ring()
      const [input, init] =
        vi.mocked(fetch).mock.calls.find(([to]) => new Request(to).url.endsWith('/git-upload-pack')) ?? []
      const asked = await new Request(input ?? 'https://none.test', init).text()
      expect(asked.match(/ref-prefix .*/g)).toEqual(['ref-prefix HEAD'])
      expect(timeouts).toHaveBeenCalledWith(10_000)
    }))
  it('asks again later while the host is silent, notes since when, and its plan waits', () => {
    outside.gitStatus = 503
    return withAlarm(tables(), async ({ ring, plan, armed, clock, workspace }) => {
      const sinceMs = clock.nowMs
      for (const _ of [1, 2]) {
        await ring()
        expect(plan(A)).toEqual(planRecord(A, { base: '' }))
        expect(workspace()?.gitSilentSinceMs).toBe(sinceMs)
        expect(armed.at(-1)).toBe(clock.nowMs + 15_000)
        clock.nowMs += 15_000
      }
    })
  })
  it('pauses what waits for it when the host was silent for 30 minutes, not a millisecond before', () => {
    outside.gitStatus = 503
    return withAlarm(tables(), async ({ ring, plan, clock, core, workspace }) => {
      core.store.changeWorkspace((record) => void (record.gitSilentSinceMs = clock.nowMs - 30 * MINUTE + 1))
      await ring()
      expect(plan(A)).toMatchObject({ status: 'queued' })
      clock.nowMs += 1
      await ring()
      const said =
        'The git host of https://git.test/o/r.git did not answer for 30 minutes. Call plan_resume when it is back.'
      expect(plan(A)).toEqual(paused(clock.nowMs, 'git_refused', said))
      expect(workspace()).toMatchObject({ branch: null, gitSilentSinceMs: null })
    })
  })
  it('pauses what waits for it when the host refuses us, and says what to do', () => {
    outside.gitStatus = 401
    return withAlarm({ workspace: { branch: null, maxParallel: 3 } }, async ({ ring, plan, core, clock }) => {
      core.store.insertPlan(planRecord(A, { base: '' }), 'x')
      core.store.insertPlan(runningPlan(B, clock.nowMs), 'x')
      // With a base of its own it needs none of the workspace.
      core.store.insertPlan(planRecord(C, { base: 'release' }), 'x')
      await ring()
      const said =
        'The git host refused to show https://git.test/o/r.git (401). Add a token for it to GIT_CREDENTIALS, then call plan_resume.'
      expect(plan(A)).toEqual(paused(clock.nowMs, 'credential_missing', said))
      expect(plan(B)).toEqual(runningPlan(B, clock.nowMs))
      expect(plan(C)).toMatchObject({ status: 'running', base: 'release' })
    })
  })
  it('pauses what waits for it when the remote names none, and says what to do', () => {
    const answer = vi.mocked(fetch).getMockImplementation()
    vi.mocked(fetch).mockImplementation(async (input, init) => {
      const { url } = new Request(input)
      if (url.endsWith('/git-upload-pack'))
        return new Response(concatBytes([FLUSH]), {
          headers: { 'content-type': 'application/x-git-upload-pack-result' },
        })
      return answer === undefined ? new Response('') : answer(input, init)
    })
    return withAlarm(tables(), async ({ ring, plan, workspace, core, clock, eventTypes }) => {
      core.store.insertPlan(planRecord(C, { base: 'release' }), 'x')
      core.store.changeWorkspace((record) => void (record.gitSilentSinceMs = 5))
      await ring()
      const said =
        'https://git.test/o/r.git names no default branch. Push a first commit, or name a branch with workspace_update, then call plan_resume.'
      expect(plan(A)).toEqual(paused(clock.nowMs, 'git_refused', said))
      expect(eventTypes(A)).toEqual(['paused'])
      expect(plan(C)).toMatchObject({ status: 'running', base: 'release' })
      expect(workspace()).toMatchObject({ branch: null, gitSilentSinceMs: null })
    })
  })
})
