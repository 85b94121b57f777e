// The bare repositories of the stand-in git host, and what people do with them: create, read, merge. All of it uses real git.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Every repository belongs to this owner. */
export const OWNER = 'stand-in'
export const REPO_NAME = /^(?!.*\.git$)[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/

const PERSON = {
  GIT_AUTHOR_NAME: 'A Person',
  GIT_AUTHOR_EMAIL: 'person@example.com',
  GIT_COMMITTER_NAME: 'A Person',
  GIT_COMMITTER_EMAIL: 'person@example.com',
  // This machine's own git settings (signing, hooks, another default branch) are ignored.
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
}

/** Thrown for a conflict, or when a fast-forward was asked for and is not possible. */
export class MergeRefused extends Error {
  override name = 'MergeRefused'
}

/** The committer of commits that the host rewrites. With the same name and second, a rewritten commit would equal the old one. */
const HOST = { GIT_COMMITTER_NAME: 'The Git Host', GIT_COMMITTER_EMAIL: 'noreply@git-host.example' }

export type MergeMethod = 'merge' | 'squash' | 'rebase' | 'ff'

export type Repos = ReturnType<typeof createRepos>

/** `root` is what git http-backend serves: root/stand-in/{name}.git. */
export function createRepos(root: string) {
  const dirOf = (name: string): string => {
    if (!REPO_NAME.test(name)) throw new Error(`"${name}" is no repository name.`)
    return join(root, OWNER, `${name}.git`)
  }
  const git = async (cwd: string, ...args: string[]): Promise<string> => {
    const { stdout } = await run('git', args, {
      cwd,
      env: { ...process.env, ...PERSON },
      maxBuffer: 64 << 20,
    })
    return stdout.trimEnd()
  }

  /** Makes a clone, works in it and removes it. */
  async function inClone<T>(name: string, work: (dir: string) => Promise<T>): Promise<T> {
    const dir = await mkdtemp(join(tmpdir(), 'aer-git-'))
    try {
      await git(dir, 'clone', '--quiet', dirOf(name), 'clone')
      return await work(join(dir, 'clone'))
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }

  return {
    has: (name: string): boolean => REPO_NAME.test(name) && existsSync(dirOf(name)),
    dirOf,
    git: (name: string, ...args: string[]): Promise<string> => git(dirOf(name), ...args),

    /** Makes a repository with one commit on `main`. An existing one stays as it is. */
    async create(name: string): Promise<void> {
      const dir = dirOf(name)
      if (existsSync(dir)) return
      const seed = await mkdtemp(join(tmpdir(), 'aer-seed-'))
      try {
        await mkdir(join(root, OWNER), { recursive: true })
        await git(seed, 'init', '--quiet', '-b', 'main')
        await run(
          'sh',
          ['-c', `printf '# %s\\n\\nA repository of the stand-in git host.\\n' "$1" > README.md`, 'sh', name],
          { cwd: seed },
        )
        await git(seed, 'add', '.')
        await git(seed, 'commit', '--quiet', '-m', 'docs: first commit')
        await git(seed, 'clone', '--quiet', '--bare', seed, `${dir}.new`)
        // git refuses pushes over http by default. Real hosts also allow filters and fetching any object by its id.
        for (const [key, value] of [
          ['http.receivepack', 'true'],
          ['uploadpack.allowFilter', 'true'],
          ['uploadpack.allowAnySHA1InWant', 'true'],
          ['receive.advertisePushOptions', 'true'],
        ])
          await git(`${dir}.new`, 'config', String(key), String(value))
        await git(`${dir}.new`, 'remote', 'remove', 'origin').catch(() => '')
        await run('mv', [`${dir}.new`, dir])
      } finally {
        await rm(seed, { recursive: true, force: true })
      }
    },

    async refs(name: string): Promise<Record<string, string>> {
      const text = await git(dirOf(name), 'for-each-ref', '--format=%(refname) %(objectname)')
      return Object.fromEntries(
        text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => line.split(' ')),
      )
    },

    /** Merges as a host does. Returns the commit of `base` before and after. Errors: MergeRefused when git cannot merge. */
    merge(
      name: string,
      base: string,
      branch: string,
      method: MergeMethod,
    ): Promise<{ before: string; after: string }> {
      return inClone(name, async (dir) => {
        await git(dir, 'checkout', '--quiet', base)
        const before = await git(dir, 'rev-parse', 'HEAD')
        if (method === 'merge')
          await git(
            dir,
            'merge',
            '--quiet',
            '--no-ff',
            '-m',
            `Merge pull request from ${branch}`,
            `origin/${branch}`,
          )
        if (method === 'ff') await git(dir, 'merge', '--quiet', '--ff-only', `origin/${branch}`)
        if (method === 'squash') {
          await git(dir, 'merge', '--quiet', '--squash', `origin/${branch}`)
          await git(dir, 'commit', '--quiet', '-m', `${branch} (squashed)`)
        }
        if (method === 'rebase') {
          await git(dir, 'checkout', '--quiet', '-B', 'rebased', `origin/${branch}`)
          // A host rewrites every commit, even when a fast-forward would be possible.
          await run('git', ['rebase', '--quiet', '--no-ff', base], {
            cwd: dir,
            env: { ...process.env, ...PERSON, ...HOST },
          })
          await git(dir, 'checkout', '--quiet', base)
          await git(dir, 'merge', '--quiet', '--ff-only', 'rebased')
        }
        // The push is refused when the base has moved meanwhile.
        await git(dir, 'push', '--quiet', 'origin', `HEAD:refs/heads/${base}`)
        return { before, after: await git(dir, 'rev-parse', 'HEAD') }
      }).catch((error: unknown) => {
        throw new MergeRefused(`${branch} cannot be merged into ${base} by ${method}.`, { cause: error })
      })
    },
  }
}
