// Builds GitHub's JSON: repositories, pull requests, commits and webhook bodies, with the documented fields that the runtime reads.
import { createHash } from 'node:crypto'
import type { GitHost, RefChange } from '../git/server.ts'
import { OWNER } from '../git/repos.ts'
import type { CommitInfo, FileChange } from './compare.ts'
import type { PullRequest } from './pulls.ts'

export const ACCOUNT = { login: OWNER, id: 1, type: 'User', site_admin: false }
export const PERSON = { login: 'a-person', id: 2, type: 'User', site_admin: false }
const ZERO = /^0+$/

export type Shapes = ReturnType<typeof createShapes>

/** `api` returns the API's own address, which is known once it listens. */
export function createShapes(gitHost: GitHost, api: () => string) {
  const repository = (name: string) => ({
    id: idOf(name),
    node_id: `R_${idOf(name)}`,
    name,
    full_name: `${OWNER}/${name}`,
    private: true,
    fork: false,
    archived: false,
    owner: ACCOUNT,
    html_url: `${gitHost.url}/${OWNER}/${name}`,
    url: `${api()}/repos/${OWNER}/${name}`,
    clone_url: `${gitHost.url}/${OWNER}/${name}.git`,
    default_branch: 'main',
    master_branch: 'main',
    visibility: 'private',
    permissions: { admin: false, maintain: false, push: true, triage: true, pull: true },
  })
  const side = (repo: string, ref: string, sha: string) => ({
    label: `${OWNER}:${ref}`,
    ref,
    sha,
    user: ACCOUNT,
    repo: repository(repo),
  })
  const pull = (one: PullRequest) => ({
    id: idOf(`${one.repo}#${one.number}`),
    number: one.number,
    url: `${api()}/repos/${OWNER}/${one.repo}/pulls/${one.number}`,
    html_url: `${gitHost.url}/${OWNER}/${one.repo}/pull/${one.number}`,
    state: one.state,
    locked: false,
    draft: false,
    title: one.title,
    body: one.body,
    user: PERSON,
    created_at: one.createdAt,
    closed_at: one.closedAt,
    merged: one.mergedAt !== null,
    merged_at: one.mergedAt,
    merged_by: one.mergedAt === null ? null : PERSON,
    merge_commit_sha: one.mergeSha,
    head: side(one.repo, one.head, one.headSha),
    base: side(one.repo, one.base, one.baseSha),
  })
  const commit = (repo: string, one: CommitInfo) => ({
    sha: one.sha,
    url: `${api()}/repos/${OWNER}/${repo}/commits/${one.sha}`,
    html_url: `${gitHost.url}/${OWNER}/${repo}/commit/${one.sha}`,
    commit: {
      author: one.author,
      committer: one.committer,
      message: one.message,
      tree: { sha: one.tree },
    },
    parents: one.parents.map((sha) => ({ sha })),
  })
  const common = (repo: string) => ({ repository: repository(repo), sender: PERSON })
  return {
    repository,
    pull,
    commit,
    pullEvent: (action: string, one: PullRequest) => ({
      action,
      number: one.number,
      pull_request: pull(one),
      ...common(one.repo),
    }),
    deleteEvent: (repo: string, branch: string) => ({
      ref: branch,
      ref_type: 'branch',
      pusher_type: 'user',
      ...common(repo),
    }),
    pushEvent(change: RefChange, commits: { info: CommitInfo; files: FileChange[] }[], forced: boolean) {
      const listed = commits.map(({ info, files }) => pushedCommit(info, files))
      return {
        ref: change.ref,
        before: change.before,
        after: change.after,
        created: ZERO.test(change.before),
        deleted: ZERO.test(change.after),
        forced,
        base_ref: null,
        compare: `${gitHost.url}/${OWNER}/${change.repo}/compare/${change.before.slice(0, 12)}...${change.after.slice(0, 12)}`,
        commits: listed,
        head_commit: listed.at(-1) ?? null,
        pusher: { name: PERSON.login, email: 'person@example.com' },
        ...common(change.repo),
      }
    },
  }
}

function pushedCommit(info: CommitInfo, files: FileChange[]) {
  const named = (status: FileChange['status'][]) =>
    files.filter((file) => status.includes(file.status)).map((file) => file.filename)
  return {
    id: info.sha,
    tree_id: info.tree,
    distinct: true,
    message: info.message,
    timestamp: info.committer.date,
    author: { name: info.author.name, email: info.author.email },
    committer: { name: info.committer.name, email: info.committer.email },
    added: named(['added', 'renamed']),
    removed: named(['removed']),
    modified: named(['modified', 'changed']),
  }
}

/** Returns the same number for the same name, on every start. */
function idOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0)
}
