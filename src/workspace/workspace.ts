// The Durable Object of one workspace: its RPC methods and the alarm, each a single call into the file that does the work. No
// method is `private`, because TypeScript's keyword does not hide a method from RPC; the state sits behind `#core`.
import { DurableObject } from 'cloudflare:workers'
import type { PlanClaims, TicketClaims, VmKeyClaims } from '../auth/vm-token.ts'
import type { DiffUpload, SyncRequest } from '../shared/protocol.ts'
import { agentSha256 } from './machine/agent-file.ts'
import { diagnose } from './health/diagnose.ts'
import { createCore, requirePlan, requireWorkspace } from './core/core.ts'
import type { Core } from './core/core.ts'
import { planDiff, storeDiff } from './plans/diffs.ts'
import { keptMs, wakeToErase } from './outbox/erase.ts'
import { planExport } from './plans/plan-record-stream.ts'
import { record } from './plans/merges.ts'
import { workspaceSnapshot } from './outbox/drain-outbox.ts'
import { cancelPlan, messagePlan, planStatus, resumePlan, submit } from './plans/plans.ts'
import { onAlarm } from './reconcile.ts'
import { branches, register, remove, update } from './registration/register.ts'
import { authorize, leaseLives, settle, untilRevoked } from './leases/leases.ts'
import type {
  Hint,
  Intent,
  PlanDiffOptions,
  PlanStatusOptions,
  RegisterInput,
  Settlement,
  SubmitInput,
  UpdateInput,
  WorkspaceRpc,
} from './contract.ts'
import { findStuck } from './health/stuck.ts'
import { knowsVm, redeemTicket, vmSync } from './machine/sync.ts'

export class Workspace extends DurableObject<Env> implements WorkspaceRpc {
  readonly #core: Core

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const core = createCore(ctx, env)
    this.#core = core
    // This runs before any call, so that it cannot move an alarm that a call arms.
    if (keptMs(core) !== null) void ctx.blockConcurrencyWhile(() => wakeToErase(core))
  }

  register(input: RegisterInput) {
    return register(this.#core, input)
  }
  update(name: string, input: UpdateInput) {
    return update(this.#core, name, input)
  }
  async snapshot(name: string) {
    requireWorkspace(this.#core, name)
    return workspaceSnapshot(this.#core)
  }
  async branches(name: string) {
    return branches(this.#core, name)
  }
  diagnose(name: string) {
    return diagnose(this.#core, name)
  }
  stuck(name: string) {
    return findStuck(this.#core, name)
  }
  remove(name: string, deleteVm: boolean | undefined) {
    return remove(this.#core, name, deleteVm)
  }

  submit(name: string, input: SubmitInput) {
    return submit(this.#core, name, input)
  }
  planStatus(planId: string, options: PlanStatusOptions) {
    return planStatus(this.#core, planId, options)
  }
  async planText(planId: string) {
    return this.#core.store.text(requirePlan(this.#core, planId).id)
  }
  async planExport(planId: string) {
    return planExport(this.#core, planId)
  }
  async planDiff(planId: string, options: PlanDiffOptions) {
    return planDiff(this.#core, planId, options)
  }
  cancel(planId: string) {
    return cancelPlan(this.#core, planId)
  }
  resume(planId: string, budgetUsd: number | undefined, model?: string) {
    return resumePlan(this.#core, planId, budgetUsd, model)
  }
  message(planId: string, text: string, answersAttempt?: number) {
    return messagePlan(this.#core, planId, text, answersAttempt)
  }

  authorize(claims: PlanClaims | VmKeyClaims, intent: Intent) {
    return authorize(this.#core, claims, intent)
  }
  settle(leaseId: string, settlement: Settlement) {
    return settle(this.#core, leaseId, settlement)
  }
  untilRevoked(leaseId: string) {
    return untilRevoked(this.#core, leaseId)
  }
  async leaseLives(leaseId: string, mostUsd?: number) {
    return leaseLives(this.#core, leaseId, mostUsd)
  }

  async storeDiff(claims: PlanClaims, upload: DiffUpload) {
    return storeDiff(this.#core, claims, upload)
  }

  redeemTicket(claims: TicketClaims) {
    return redeemTicket(this.#core, claims)
  }
  async knowsVm(claims: TicketClaims | VmKeyClaims) {
    return knowsVm(this.#core, claims)
  }
  async vmSync(claims: VmKeyClaims, request: SyncRequest) {
    // When the manifest cannot be read, the VM keeps the agent it has and does not wait.
    const sha256 = await agentSha256(this.#core).catch(() => request.agentSha256)
    return vmSync(this.#core, claims, request, sha256)
  }

  record(hints: Hint[]) {
    return record(this.#core, hints)
  }

  override alarm() {
    return onAlarm(this.#core)
  }
}
