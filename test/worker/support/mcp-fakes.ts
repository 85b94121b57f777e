// A tool context played by the test: one workspace, its plans as rows, and a record of what the tools asked for.
/** Below 10,000 tokens of four bytes. */
export const MAX_RESULT_BYTES = 40_000

import { z } from 'zod'
import { SCOPES } from '../../../src/auth/scopes.ts'
import { NotFoundError } from '../../../src/lib/errors.ts'
import { keyOfPlan } from '../../../src/lib/ids.ts'
import type { ToolContext, WorkspaceStub } from '../../../src/mcp/kit/context.ts'
import type { ToolCall } from '../../../src/mcp/kit/define-tool.ts'
import { runTool } from '../../../src/mcp/kit/run-tool.ts'
import { TOOLS } from '../../../src/mcp/tools/index.ts'
import type {
  BranchReport,
  PlanEvent,
  PlanSnapshot,
  WorkspaceSnapshot,
} from '../../../src/workspace/contract.ts'

export const PLAN_ID = '0a1b2c3d-4e5f-8111-9222-333344445555'
export const AT_MS = Date.UTC(2026, 10, 23, 4, 0, 0)
const SHA = 'c'.repeat(40)

export function workspaceRow(fields: Partial<WorkspaceSnapshot> = {}): WorkspaceSnapshot {
  return {
    name: 'site',
    gitRemote: 'https://git.test/o/site.git',
    branch: 'main',
    status: 'ready',
    statusDetail: 'The VM is ready.',
    vm: { id: 'vm-1', url: 'https://orgo.test/c/vm-1', status: 'running', adopted: false },
    webhook: { status: 'receiving', howTo: 'Nothing to do.' },
    setup: null,
    checks: ['npm test'],
    maxParallel: 2,
    openPr: false,
    activePlans: 1,
    queuedPlans: 0,
    warnings: [],
    createdAtMs: AT_MS,
    ...fields,
  }
}

export function planRow(fields: Partial<PlanSnapshot> = {}): PlanSnapshot {
  return {
    id: PLAN_ID,
    workspace: 'site',
    title: 'Fix the typo',
    planChars: 12,
    branch: `agent/${PLAN_ID}`,
    base: 'main',
    status: 'queued',
    statusDetail: null,
    phase: null,
    attempt: 1,
    lastActivityAtMs: null,
    outcome: null,
    outcomeReasons: [],
    proof: null,
    summary: null,
    question: null,
    pausedReason: null,
    error: null,
    checks: [],
    tests: null,
    lookFirst: [],
    commits: [],
    diff: { files: 0, additions: 0, deletions: 0 },
    head: null,
    pushedHead: null,
    prUrl: null,
    mergeStatus: 'none',
    budgetUsd: 10,
    spentUsd: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    model: 'claude-opus-5-5',
    createdAtMs: AT_MS,
    startedAtMs: null,
    finishedAtMs: null,
    ...fields,
  }
}

export const completedRow = (): PlanSnapshot =>
  planRow({
    status: 'completed',
    outcome: 'unverified',
    outcomeReasons: ['no_checks'],
    proof: 'none',
    summary: 'Fixed it.',
    commits: [{ sha: SHA, subject: 'fix: typo' }],
    diff: { files: 1, additions: 1, deletions: 1 },
    head: SHA,
    pushedHead: SHA,
    mergeStatus: 'open',
    spentUsd: 0.25,
    tokens: { input: 1_000, output: 200, cacheRead: 50, cacheWrite: 20 },
    startedAtMs: AT_MS + 1_000,
    lastActivityAtMs: AT_MS + 60_000,
    finishedAtMs: AT_MS + 61_000,
  })

export interface Played {
  context: ToolContext
  /** Every call of an object, by method, with its arguments. */
  calls: [string, ...unknown[]][]
  workspaceRow: WorkspaceSnapshot
  planRow: PlanSnapshot
  events: PlanEvent[]
}

/** `overrides` replaces methods of the object or of the context. */
export function playContext(
  overrides: { stub?: Partial<WorkspaceStub>; context?: Partial<ToolContext> } = {},
): Played {
  const played: Played = {
    calls: [],
    workspaceRow: workspaceRow(),
    planRow: planRow(),
    events: [{ seq: 1, atMs: AT_MS, type: 'queued', text: 'Accepted.', data: { attempt: 1 } }],
    context: {
      scopes: SCOPES,
      workspace: async () => stub,
      workspaceOfPlan: (planId) => {
        if (keyOfPlan(planId) === null) throw new NotFoundError(`There is no plan "${planId}".`)
        return stub
      },
      listWorkspaces: async () => ({ workspaces: [played.workspaceRow], more: false }),
      listPlans: async () => ({ plans: [played.planRow], more: false }),
      settings: () => {
        throw new Error('the played settings are never read')
      },
      addresses: () => ({ local: false, ownUrls: ['https://runtime.test'] }),
      now: () => AT_MS,
    },
  }
  const known = (name: string): void => {
    if (name !== played.workspaceRow.name) throw new NotFoundError(`There is no workspace "${name}".`)
  }
  const methods: WorkspaceStub = {
    register: async () => ({ workspace: played.workspaceRow, existing: false, differs: [] }),
    update: async (name) => {
      known(name)
      return played.workspaceRow
    },
    snapshot: async (name) => {
      known(name)
      return played.workspaceRow
    },
    branches: async (name) => {
      known(name)
      return {
        workspace: played.workspaceRow,
        branches: [
          {
            branch: `agent/${PLAN_ID}`,
            planId: PLAN_ID,
            planStatus: 'completed',
            mergeStatus: 'open',
            head: SHA,
            ahead: 1,
            behind: null,
            conflicts: null,
            commits: [{ sha: SHA, subject: 'fix: typo' }],
            prUrl: null,
          },
        ],
        asOfMs: AT_MS,
        mergeCommands: ['git fetch x', 'git switch main', 'git merge FETCH_HEAD', 'git push x'],
      }
    },
    remove: async (name) => {
      known(name)
      return { removed: true, vmDeleted: true }
    },
    submit: async (name) => {
      known(name)
      return { plan: played.planRow, deduplicated: false }
    },
    planStatus: async (_planId, { after, limit }) => {
      const events = played.events.filter((event) => event.seq > after).slice(0, limit)
      return { plan: played.planRow, events, cursor: events.at(-1)?.seq ?? after }
    },
    planText: async () => 'Fix the typo',
    planExport: async () => new Response('{"format":"played"}').body ?? new ReadableStream(),
    planDiff: async () => ({
      status: played.planRow.status,
      mergeStatus: played.planRow.mergeStatus,
      branch: played.planRow.branch,
      base: played.planRow.base,
      pushedHead: null,
      diff: null,
    }),
    cancel: async () => ({ ...played.planRow, status: 'cancelled' }),
    resume: async () => ({ ...played.planRow, attempt: 2 }),
    message: async () => played.planRow,
    ...overrides.stub,
  }
  // A proxy only to keep the record: the methods above stay plain and typed.
  const stub = new Proxy(methods, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return (...args: unknown[]): unknown => {
        played.calls.push([String(name), ...args])
        return Reflect.apply(method, target, args)
      }
    },
  })
  Object.assign(played.context, { settings: () => ({}) }, overrides.context)
  return played
}

/** Runs one tool and answers its structured content as it travels: what is undefined is gone. */
export async function callTool(played: Played, name: string, args: unknown, options: Partial<ToolCall> = {}) {
  const tool = TOOLS.find((candidate) => candidate.name === name)
  if (tool === undefined) throw new Error(`no tool ${name}`)
  const call = { signal: new AbortController().signal, ...options }
  const { structured } = await runTool({ tool, args, context: played.context, call, door: 'mcp' })
  return z.record(z.string(), z.any()).parse(JSON.parse(JSON.stringify(structured)))
}

/** Characters that hide or reorder text, between letters that stay. */
export const HOSTILE = 'e\u0000v\u001bi\u202el\u2066\u200b\u{E0041}\u2028'

export function hostileRow(): PlanSnapshot {
  const long = `${HOSTILE}漢`.repeat(2_000)
  const names = Array.from({ length: 100 }, () => long.slice(0, 300))
  return planRow({
    ...completedRow(),
    title: long,
    statusDetail: long,
    summary: long,
    question: long,
    error: long,
    prUrl: long,
    commits: Array.from({ length: 100 }, () => ({ sha: 'd'.repeat(40), subject: long.slice(0, 300) })),
    checks: Array.from({ length: 50 }, () => ({
      command: long.slice(0, 2_000),
      exitCode: 1,
      seconds: 1.5,
      newFailure: true,
    })),
    tests: {
      passed: 1,
      failed: 2,
      skipped: 3,
      newlyPassing: names,
      newlyFailing: names,
      missing: names,
      changed: names.map((path) => ({ path, why: path })),
    },
    lookFirst: names.slice(0, 5).map((path) => ({ path, line: 1, why: path })),
  })
}

/** A branch with more and longer commits than an answer can show. */
export function longBranch(branch: string): BranchReport {
  return {
    branch,
    planId: PLAN_ID,
    planStatus: 'completed',
    mergeStatus: 'open',
    head: null,
    ahead: null,
    behind: null,
    conflicts: null,
    commits: Array.from({ length: 20 }, () => ({ sha: SHA, subject: 'x'.repeat(300) })),
    prUrl: null,
  }
}
