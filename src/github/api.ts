// The few GitHub calls we make: what was merged, and opening a pull request. The schemas list only the fields we read.
import * as z from 'zod'
import { UpstreamError } from '../lib/errors.ts'
import { fetchUpstream, path } from '../lib/fetch.ts'

const TIMEOUT_MS = 15_000
const SAFE_SEGMENT = /^[A-Za-z0-9._-]+$/

export interface GithubRepo {
  owner: string
  repo: string
}

/** Returns the repository behind a remote of the host that GITHUB_API_URL serves; null for every other host. */
export function githubRepo(gitRemote: string, apiUrl: string, local: boolean): GithubRepo | null {
  const [remote, api] = [new URL(gitRemote), new URL(apiUrl)]
  const host = api.hostname === 'api.github.com' ? 'github.com' : api.hostname.replace(/^api\./, '')
  // Locally the git host and its API are two ports of one loopback address.
  if (remote.hostname !== host || (!local && remote.port !== api.port)) return null
  const [owner, name, ...rest] = remote.pathname.split('/').filter((part) => part !== '')
  const repo = name?.replace(/\.git$/, '')
  if (
    owner === undefined ||
    repo === undefined ||
    rest.length > 0 ||
    !SAFE_SEGMENT.test(owner) ||
    !SAFE_SEGMENT.test(repo)
  )
    return null
  return { owner, repo }
}

const Pull = z.object({
  number: z.int(),
  html_url: z.url(),
  state: z.enum(['open', 'closed']),
  merged_at: z.string().nullish(),
  head: z.object({ sha: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
})
const Compare = z.object({
  status: z.enum(['ahead', 'behind', 'identical', 'diverged']),
  ahead_by: z.int(),
  behind_by: z.int(),
})
export type Compare = z.infer<typeof Compare>

export interface Pull {
  number: number
  url: string
  state: 'open' | 'closed'
  merged: boolean
  headSha: string
}

export type Github = ReturnType<typeof createGithub>

export function createGithub(options: { apiUrl: string; token: string; repo: GithubRepo }) {
  const { owner, repo } = options.repo
  const call = async <T>(
    what: string,
    suffix: string,
    schema: z.ZodType<T>,
    init: RequestInit = {},
  ): Promise<T | null> => {
    const response = await fetchUpstream(
      'The GitHub API',
      `${options.apiUrl}${path`/repos/${owner}/${repo}`}${suffix}`,
      TIMEOUT_MS,
      {
        ...init,
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${options.token}`,
          'user-agent': 'agent-execution-runtime',
          'x-github-api-version': '2022-11-28',
          ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
    )
    if (response.status === 404) return null
    if (!response.ok) {
      const kind = response.status >= 500 || response.status === 429 ? 'transient' : 'permanent'
      throw new UpstreamError(
        kind,
        `github_${response.status}`,
        `GitHub answered ${response.status} to ${what}.`,
      )
    }
    const parsed = schema.safeParse(await response.json().catch(() => null))
    if (!parsed.success)
      throw new UpstreamError(
        'transient',
        'github_answer',
        `GitHub's answer to ${what} was not understood.`,
        parsed.error,
      )
    return parsed.data
  }
  return {
    /** Returns pull requests of this repository's own branch; a fork's branch of the same name is not meant. */
    async pullsOf(branch: string): Promise<Pull[]> {
      const query = new URLSearchParams({ head: `${owner}:${branch}`, state: 'all', per_page: '20' })
      const pulls = await call('a list of pull requests', `/pulls?${query.toString()}`, z.array(Pull))
      return (pulls ?? [])
        .filter((pull) => pull.head.repo?.full_name.toLowerCase() === `${owner}/${repo}`.toLowerCase())
        .map(toPull)
    },

    /** null when either side is unknown to the host. `behind` or `identical` means: head is reachable from base. */
    compare(base: string, head: string): Promise<Compare | null> {
      return call('a comparison', path`/compare/${base}...${head}`, Compare)
    },

    async openPull(input: { title: string; body: string; head: string; base: string }): Promise<Pull> {
      const pull = await call('a new pull request', '/pulls', Pull, {
        method: 'POST',
        body: JSON.stringify(input),
      })
      if (pull === null)
        throw new UpstreamError(
          'permanent',
          'github_404',
          'GitHub did not accept a pull request: the token may not open one in this repository.',
        )
      return toPull(pull)
    },
  }
}

const toPull = (pull: z.infer<typeof Pull>): Pull => ({
  number: pull.number,
  url: pull.html_url,
  state: pull.state,
  merged: (pull.merged_at ?? null) !== null,
  headSha: pull.head.sha,
})
