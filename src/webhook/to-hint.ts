// Pure: turns a verified payload into hints for the workspaces of its repository. Only the body is signed, so the event's name is
// checked against the body's shape, and a hint says no more than "look at this branch now".
import type { Hint } from '../workspace/contract.ts'
import { DeletePayload, PullRequestPayload, PushPayload } from './payloads.ts'

/** Returns null when the event is not ours, or its shape does not fit. */
export function toHint(
  event: string,
  body: unknown,
  deliveryId: string,
): { cloneUrl: string; hint: Hint } | null {
  if (event === 'push') {
    const push = PushPayload.safeParse(body)
    if (!push.success || !push.data.ref.startsWith('refs/heads/')) return null
    const branch = push.data.ref.slice('refs/heads/'.length)
    const kind = push.data.deleted === true ? 'branch_deleted' : 'base_pushed'
    return { cloneUrl: push.data.repository.clone_url, hint: { kind, branch, deliveryId } }
  }
  if (event === 'pull_request') {
    const parsed = PullRequestPayload.safeParse(body)
    if (!parsed.success) return null
    const { action, pull_request: pull, repository } = parsed.data
    // A fork's branch of the same name is not ours.
    if (pull.head.repo?.full_name !== repository.full_name) return null
    if (action !== 'closed' && action !== 'opened' && action !== 'reopened') return null
    const common = { branch: pull.head.ref, deliveryId, prUrl: pull.html_url }
    const hint: Hint =
      action === 'closed' && pull.merged === true
        ? { kind: 'branch_merged_hint', ...common }
        : { kind: 'pr_changed', ...common, state: action === 'closed' ? 'closed' : 'open' }
    return { cloneUrl: repository.clone_url, hint }
  }
  if (event === 'delete') {
    const parsed = DeletePayload.safeParse(body)
    if (!parsed.success || parsed.data.ref_type !== 'branch') return null
    const { ref: branch, repository } = parsed.data
    return { cloneUrl: repository.clone_url, hint: { kind: 'branch_deleted', branch, deliveryId } }
  }
  return null
}
