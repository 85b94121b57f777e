// What every part of the object works with: store, settings, clock, and the two ways to make something happen (arm the
// alarm, wake waiting calls). Built once per object. Everything in memory here may vanish at any moment.
import { bearerForApi, credentialFor } from '../../auth/git-credentials.ts'
import type { GitCredential } from '../../auth/git-credentials.ts'
import { readRemoteRefs } from '../../git/refs.ts'
import type { RemoteRefs } from '../../git/refs.ts'
import { createGithub, githubRepo } from '../../github/api.ts'
import type { Github } from '../../github/api.ts'
import { readSettings, requireSettings } from '../../lib/settings.ts'
import type { Settings } from '../../lib/settings.ts'
import { createOrgo } from '../../orgo/orgo.ts'
import type { VmProvider } from '../../orgo/vm.ts'
import type { Change } from '../records/decisions.ts'
import { notificationOf } from '../records/notification.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import { hasTables, migrate } from '../store/schema.ts'
import { createStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { randomHex } from '../../lib/crypto.ts'
import { NotFoundError } from '../../lib/errors.ts'

const REFS_TIMEOUT_MS = 10_000

export interface Core {
  env: Env
  store: Store
  settings: () => Settings
  /** The settings without the check, for work that must go on while another setting is missing or wrong. */
  settingsNow: () => Settings
  orgo: () => VmProvider
  /** The one Account object, which holds what all workspaces share. */
  account: () => ReturnType<Env['ACCOUNT']['getByName']>
  /** A git remote with the credential that GIT_CREDENTIALS has for it. */
  remote: (gitRemote: string) => { remote: string; credential: GitCredential | null }
  /** Asks the git host for the refs that begin with one of these prefixes. */
  refs: (gitRemote: string, prefixes: string[]) => Promise<RemoteRefs>
  /** The API of the workspace's git host; null when we do not know its API or have no token for it. */
  github: () => Github | null
  now: () => number
  /** True once register has made the tables; until then nothing may be read. */
  exists: () => boolean
  createTables: () => void
  /** Arms the alarm for now; reconcile then looks at the tables within milliseconds. */
  poke: () => Promise<void>
  setAlarm: (atMs: number | null) => Promise<void>
  armedMs: () => Promise<number | null>
  /** Arms the alarm for this time unless it rings earlier anyway; null changes nothing. */
  wakeBy: (atMs: number | null) => Promise<void>
  /** Resolves at the next change of any plan or lease, or after the time-out. */
  nextChange: (timeoutMs: number) => Promise<void>
  wakeWaiters: () => void
  /** When each open model stream was last heard of. In memory only: after a restart the time counts from the first check. */
  leaseHeardAtMs: Map<string, number>
  /** Sum of the worst-case costs of calls that are about to get their lease. */
  asked: { usd: number }
}

export function createCore(ctx: DurableObjectState, env: Env): Core {
  const store = createStore(ctx.storage.sql)
  const waiting = new Set<() => void>()
  let exists = hasTables(ctx.storage.sql)
  if (exists) ctx.storage.transactionSync(() => migrate(ctx.storage.sql))
  const core: Core = {
    env,
    store,
    settings: () => requireSettings({ ...env }),
    settingsNow: () => readSettings({ ...env }).settings,
    orgo() {
      const { orgoApiUrl: apiUrl, orgoApiKey: apiKey } = core.settings()
      return createOrgo({ apiUrl, apiKey })
    },
    account: () => env.ACCOUNT.getByName('account'),
    remote(gitRemote) {
      const settings = core.settings()
      return { remote: gitRemote, credential: credentialFor(settings.gitCredentials, gitRemote, settings) }
    },
    refs: (gitRemote, prefixes) =>
      readRemoteRefs({ ...core.remote(gitRemote), prefixes, timeoutMs: REFS_TIMEOUT_MS }),
    github() {
      const { gitRemote } = requireWorkspace(core)
      const { gitCredentials, githubApiUrl: apiUrl, local } = core.settings()
      const repo = githubRepo(gitRemote, apiUrl, local)
      const token = bearerForApi(gitCredentials, gitRemote, { githubApiUrl: apiUrl, local })
      return repo === null || token === null ? null : createGithub({ apiUrl, token, repo })
    },
    now: () => Date.now(),
    exists: () => exists,
    createTables: () => {
      ctx.storage.transactionSync(() => migrate(ctx.storage.sql))
      exists = true
    },
    poke: () => ctx.storage.setAlarm(core.now()),
    setAlarm: (atMs) => (atMs === null ? ctx.storage.deleteAlarm() : ctx.storage.setAlarm(atMs)),
    armedMs: () => ctx.storage.getAlarm(),
    async wakeBy(atMs) {
      if (atMs === null) return
      const armedMs = await core.armedMs()
      if (armedMs === null || armedMs > atMs) await ctx.storage.setAlarm(atMs)
    },
    nextChange: (timeoutMs) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        const timer = setTimeout(done, timeoutMs)
        waiting.add(done)
      }),
    wakeWaiters: () => {
      for (const wake of waiting) wake()
    },
    leaseHeardAtMs: new Map(),
    asked: { usd: 0 },
  }
  return core
}

/** Returns the workspace. Throws NotFoundError when this object was never registered or holds another name (keys collide). */
export function requireWorkspace(core: Core, name?: string): WorkspaceRecord {
  const workspace = core.exists() ? core.store.workspace() : null
  if (workspace === null || (name !== undefined && workspace.name !== name))
    throw new NotFoundError(
      `There is no workspace ${name === undefined ? 'behind this id' : `"${name}"`}. List them with workspace_list, or make one with workspace_register.`,
    )
  return workspace
}

export function requirePlan(core: Core, planId: string): PlanRecord {
  const plan = core.exists() ? core.store.plan(planId) : null
  if (plan !== null) return plan
  const { historyDays } = core.settingsNow()
  const erased =
    historyDays === null ? '' : ` Plans are erased ${historyDays} days after they ended (HISTORY_DAYS).`
  throw new NotFoundError(`There is no plan ${planId}.${erased} List the plans with plan_list.`)
}

/** Saves a decided change together with its event, in one synchronous block. For null it changes nothing and returns null. */
export function commit(core: Core, change: Change | null): PlanRecord | null {
  if (change === null) return null
  core.store.savePlan(change.plan)
  core.store.addEvent(change.plan.id, { atMs: core.now(), ...change.event })
  const told = notificationOf(change.plan, requireWorkspace(core).name, core.now())
  if (told !== null && core.settingsNow().notifyUrl !== null)
    core.store.addNotification(randomHex(16), told, core.now())
  core.wakeWaiters()
  return change.plan
}
