// Runs git in a checkout, as the plan's or the prover's user. Refs and paths always come after the options.
import { run } from '../machine/process.ts'
import type { RunResult } from '../machine/process.ts'
import { AUTHOR } from './author.ts'

export interface Git {
  /** Runs git in the checkout and returns its result. It never throws. */
  try(args: string[], options?: GitOptions): Promise<RunResult>
  /** Returns stdout without its last newline. Errors: GitError with git's message. */
  must(args: string[], options?: GitOptions): Promise<string>
  checkout: string
}

export interface GitOptions {
  env?: NodeJS.ProcessEnv
  timeoutMs?: number
  input?: string
  /** latin1 keeps every byte of names and contents. */
  encoding?: 'utf8' | 'latin1'
  maxBytes?: number
  /** 'run' lets the repository's own hooks run; otherwise none does. */
  hooks?: 'run'
}

/** The tree without files, to which a repository's first work is compared. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

export class GitError extends Error {
  override name = 'GitError'
}

const DEFAULT_TIMEOUT_MS = 120_000
// The agent's internal git calls must not depend on hooks. Only commits of finished work and the model's own commits run them.
const NO_HOOKS = ['-c', 'core.hooksPath=/dev/null']
const OURS = ['-c', 'core.fsmonitor=false', '-c', 'gc.auto=0', '-c', 'commit.gpgSign=false']

export function createGit(checkout: string, env: NodeJS.ProcessEnv, ids?: { uid: number; gid: number }): Git {
  const tryGit: Git['try'] = (args, { env: extra, timeoutMs = DEFAULT_TIMEOUT_MS, hooks, ...options } = {}) =>
    run('git', [...OURS, ...(hooks === 'run' ? [] : NO_HOOKS), ...args], {
      ...ids,
      cwd: checkout,
      env: { ...env, ...extra },
      timeoutMs,
      ...options,
    })
  return {
    checkout,
    try: tryGit,
    async must(args, options) {
      const result = await tryGit(args, options)
      if (result.code !== 0) throw new GitError(`git ${args[0]} failed: ${gitReason(result)}`)
      return result.stdout.replace(/\n$/, '')
    },
  }
}

/** Ralph's identity and a git that asks no questions. It is set in the environment, so that no repository's config changes it. */
export const GIT_ENV = {
  GIT_AUTHOR_NAME: AUTHOR.name,
  GIT_AUTHOR_EMAIL: AUTHOR.email,
  GIT_COMMITTER_NAME: AUTHOR.name,
  GIT_COMMITTER_EMAIL: AUTHOR.email,
  GIT_TERMINAL_PROMPT: '0',
  GIT_EDITOR: 'true',
  GIT_PAGER: 'cat',
  GIT_LFS_SKIP_SMUDGE: '1',
}

/** Returns git's message: the last lines of stderr, else of stdout, and the signal that ended it. */
export function gitReason(result: RunResult): string {
  const said = result.stderr.trim() || result.stdout.trim()
  if (result.timedOut) return `timed out. ${said}`.trim()
  const shown = said.split('\n').slice(-12).join('\n').slice(0, 1_500)
  return result.signal === undefined ? shown : `ended by ${result.signal}. ${shown}`.trim()
}

/** Returns the commit that a name stands for; null when there is none. */
export async function commitOf(git: Git, name: string): Promise<string | null> {
  const result = await git.try(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
  return result.code === 0 ? result.stdout.trim() : null
}
