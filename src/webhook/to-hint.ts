// Pure: turns a verified payload into hints for the workspaces of its repository. Only the body is signed, so the event's name is
// checked against the body's shape, and a hint says no more than "look at this branch now".
import type { Fact } from '../workspace/contract.ts'
import { DeletePayload, PullRequestPayload, PushPayload } from './payloads.ts'

export interface Hint {
  cloneUrl: string
  facts: Fact[]
}

/** Returns null when the event is not ours, or its shape does not fit. */
export function toHint(event: string, body: unknown, deliveryId: string): Hint | null {
  if (event === 'push') {
    const push = PushPayload.safeParse(body)
    if (!push.success || !push.data.ref.startsWith('refs/heads/')) return null
    const branch = push.data.ref.slice('refs/heads/'.length)
    const fact: Fact =
      push.data.deleted === true
        ? { kind: 'branch_deleted', branch, deliveryId }
        : { kind: 'base_pushed', branch, deliveryId }
    return { cloneUrl: push.data.repository.clone_url, facts: [fact] }
  }
  if (event === 'pull_request') {
    const parsed = PullRequestPayload.safeParse(body)
    if (!parsed.success) return null
    const { action, pull_request: pull, repository } = parsed.data
    // A fork's branch of the same name is not ours.
    if (pull.head.repo?.full_name !== repository.full_name) return null
    const common = { branch: pull.head.ref, deliveryId, prUrl: pull.html_url }
    if (action === 'closed')
      return {
        cloneUrl: repository.clone_url,
        facts: [
          pull.merged === true
            ? { kind: 'branch_merged_hint', ...common }
            : { kind: 'pr_changed', ...common, state: 'closed' },
        ],
      }
    if (action === 'opened' || action === 'reopened')
      return { cloneUrl: repository.clone_url, facts: [{ kind: 'pr_changed', ...common, state: 'open' }] }
    return null
  }
  if (event === 'delete') {
    const parsed = DeletePayload.safeParse(body)
    if (!parsed.success || parsed.data.ref_type !== 'branch') return null
    return {
      cloneUrl: parsed.data.repository.clone_url,
      facts: [{ kind: 'branch_deleted', branch: parsed.data.ref, deliveryId }],
    }
  }
  return null
}
