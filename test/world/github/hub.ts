// What GitHub does besides answering its API: pull requests follow their branches, merges are real, webhooks are sent.
import { ZERO } from '../git/server.ts'
import type { GitHost, RefChange } from '../git/server.ts'
import type { MergeMethod } from '../git/repos.ts'
import { commitsIn, filesBetween } from './compare.ts'
import type { PullRequest, Pulls } from './pulls.ts'
import type { Shapes } from './shapes.ts'
import type { Webhooks } from './webhooks.ts'

const BRANCH = 'refs/heads/'
const MAX_PUSHED_COMMITS = 50

/** A refusal that the caller can fix; `status` is the one GitHub answers. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: 404 | 409 | 422
  constructor(status: 404 | 409 | 422, message: string) {
    super(message)
    this.status = status
  }
}

export type Hub = ReturnType<typeof createHub>

export function createHub(parts: { gitHost: GitHost; pulls: Pulls; shapes: Shapes; webhooks: Webhooks }) {
  const { gitHost, pulls, shapes, webhooks } = parts
  const { repos } = gitHost
  const sendPull = (action: string, pull: PullRequest) =>
    webhooks.send('pull_request', shapes.pullEvent(action, pull))
  const isReachable = (repo: string, sha: string, from: string): Promise<boolean> =>
    repos.git(repo, 'merge-base', '--is-ancestor', sha, from).then(
      () => true,
      () => false,
    )

  /** The pull request that is being merged: its base moves because we merge it. */
  let merging: PullRequest | null = null
  let turn: Promise<unknown> = Promise.resolve()

  async function openPull(
    repo: string,
    input: { title: string; body: string | null; head: string; base: string },
  ): Promise<PullRequest> {
    const refs = await repos.refs(repo)
    const [headSha, baseSha] = [refs[`${BRANCH}${input.head}`], refs[`${BRANCH}${input.base}`]]
    if (headSha === undefined || baseSha === undefined) throw new Refused(422, 'head or base is no branch')
    if (pulls.openFrom(repo, input.head) !== undefined)
      throw new Refused(422, `A pull request already exists for ${input.head}.`)
    if (await isReachable(repo, headSha, baseSha))
      throw new Refused(422, `No commits between ${input.base} and ${input.head}`)
    const pull = pulls.add({ ...input, repo, headSha, baseSha })
    await sendPull('opened', pull)
    return pull
  }

  /** Changes the state first and then sends the events, so that a client that asks after a webhook sees the new state. */
  async function onRefChange(change: RefChange): Promise<void> {
    const { repo, ref, after } = change
    if (!ref.startsWith(BRANCH)) return // refs/agent/* causes no event, as on GitHub
    const branch = ref.slice(BRANCH.length)
    const isGone = after === ZERO
    const closed: PullRequest[] = []
    let moved: PullRequest | null = null
    for (const pull of pulls.of(repo).filter(({ state }) => state === 'open')) {
      if (pull.head === branch) {
        if (isGone) pulls.close(pull, null)
        else pulls.move(pull, after)
        if (isGone) closed.push(pull)
        else moved = pull
      } else if (pull.base === branch && !isGone) {
        // A pull request also counts as merged when its branch reached the base without the merge button.
        if (pull !== merging && !(await isReachable(repo, pull.headSha, after))) continue
        pulls.close(pull, after)
        closed.push(pull)
      }
    }
    await webhooks.send('push', await pushPayload(change))
    if (moved !== null) await sendPull('synchronize', moved)
    for (const pull of closed) await sendPull('closed', pull)
    if (isGone) await webhooks.send('delete', shapes.deleteEvent(repo, branch))
  }
  gitHost.onChange(onRefChange)

  async function pushPayload(change: RefChange): Promise<ReturnType<Shapes['pushEvent']>> {
    const { repo, before, after } = change
    if (after === ZERO) return shapes.pushEvent(change, [], false)
    const range = before === ZERO ? `main..${after}` : `${before}..${after}`
    const infos = await commitsIn(repos, repo, range, MAX_PUSHED_COMMITS)
    const commits = []
    for (const info of infos)
      commits.push({
        info,
        files: await filesBetween(repos, repo, info.parents[0] ?? null, info.sha, false),
      })
    const forced = before !== ZERO && !(await isReachable(repo, before, after))
    return shapes.pushEvent(change, commits, forced)
  }

  /**
   * Merges as a person does. `merge`, `squash` and `rebase` press the button of a pull request, which is opened if there is none;
   * `ff` pushes the branch to its base without a pull request. Resolves when every webhook was answered or lost.
   */
  async function merge(
    repo: string,
    branch: string,
    method: MergeMethod,
  ): Promise<{ sha: string; number: number | null }> {
    if ((await repos.refs(repo))[`${BRANCH}${branch}`] === undefined)
      throw new Refused(404, `${repo} has no branch ${branch}.`)
    const open = pulls.openFrom(repo, branch)
    const pull =
      open ??
      (method === 'ff'
        ? null
        : await openPull(repo, { title: branch, body: null, head: branch, base: 'main' }))
    merging = pull
    try {
      const { after } = await gitHost.merge(repo, { base: pull?.base ?? 'main', branch, method })
      return { sha: after, number: pull?.number ?? null }
    } finally {
      merging = null
    }
  }

  return {
    openPull,
    merge(repo: string, branch: string, method: MergeMethod): ReturnType<typeof merge> {
      const mine = turn.then(() => merge(repo, branch, method))
      turn = mine.catch(() => undefined)
      return mine
    },
    async setState(pull: PullRequest, state: 'open' | 'closed'): Promise<void> {
      if (pull.state === state || pull.mergedAt !== null) return
      if (state === 'closed') pulls.close(pull, null)
      else pulls.reopen(pull)
      await sendPull(state === 'closed' ? 'closed' : 'reopened', pull)
    },
  }
}
