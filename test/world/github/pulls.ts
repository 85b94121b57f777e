// Pull requests of the stand-in: rows in memory, saved to a file so that numbers and states survive a restart.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

const PullRequest = z.object({
  number: z.int(),
  repo: z.string(),
  title: z.string(),
  body: z.string().nullable(),
  head: z.string(),
  headSha: z.string(),
  base: z.string(),
  /** Commit of the base when the pull request was opened. */
  baseSha: z.string(),
  state: z.enum(['open', 'closed']),
  createdAt: z.string(),
  closedAt: z.string().nullable(),
  mergedAt: z.string().nullable(),
  mergeSha: z.string().nullable(),
})
export type PullRequest = z.infer<typeof PullRequest>
export type Pulls = ReturnType<typeof createPulls>

export function createPulls(stateFile: string | undefined) {
  const all = stateFile === undefined ? [] : read(stateFile)
  const save = (): void => {
    if (stateFile === undefined) return
    writeFileSync(`${stateFile}.new`, JSON.stringify(all))
    renameSync(`${stateFile}.new`, stateFile)
  }
  return {
    /** Newest first, as GitHub lists them. */
    of: (repo: string): PullRequest[] => all.filter((pull) => pull.repo === repo).toReversed(),
    openFrom: (repo: string, branch: string): PullRequest | undefined =>
      all.find((pull) => pull.repo === repo && pull.head === branch && pull.state === 'open'),
    add(input: Pick<PullRequest, 'repo' | 'title' | 'body' | 'head' | 'headSha' | 'base' | 'baseSha'>) {
      const number = all.filter((pull) => pull.repo === input.repo).length + 1
      const pull: PullRequest = {
        ...input,
        number,
        state: 'open',
        createdAt: now(),
        closedAt: null,
        mergedAt: null,
        mergeSha: null,
      }
      all.push(pull)
      save()
      return pull
    },
    move(pull: PullRequest, headSha: string): void {
      pull.headSha = headSha
      save()
    },
    close(pull: PullRequest, mergeSha: string | null): void {
      const at = now()
      Object.assign(pull, {
        state: 'closed',
        closedAt: at,
        mergedAt: mergeSha === null ? null : at,
        mergeSha,
      })
      save()
    },
    reopen(pull: PullRequest): void {
      Object.assign(pull, { state: 'open', closedAt: null })
      save()
    },
  }
}

/** GitHub's times have no fraction. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}

function read(file: string): PullRequest[] {
  try {
    return z.array(PullRequest).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return [] // there is no file yet
  }
}
