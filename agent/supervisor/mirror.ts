// The bare git mirror of the remote, from which every checkout borrows its objects. Only the supervisor writes it; plan users
// read it. The VM key reaches git through the environment, never in an argument, a URL or a configuration file.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../machine/config.ts'
import { mirrorDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { run } from '../machine/process.ts'

const FETCH_TIMEOUT_MS = 30 * 60_000

export interface Mirror {
  /** Fetches from the remote. Calls during a fetch share one further fetch. Resolves to the error text, or null on success. */
  refresh(): Promise<string | null>
  /** Fetches one ref that refresh() leaves out. Resolves to the error text, or null on success. */
  fetchRef(ref: string): Promise<string | null>
  /** True once a fetch has succeeded, also before a restart. */
  exists(): boolean
}

export function createMirror(paths: Paths, config: () => Config): Mirror {
  const directory = mirrorDir(paths)
  const done = join(directory, 'ralph-fetched')
  let running: Promise<string | null> | null = null
  let next: Promise<string | null> | null = null
  const start = (): Promise<string | null> => {
    running = fetchMirror(directory, config(), done).finally(() => {
      running = null
    })
    return running
  }
  return {
    exists: () => existsSync(done),
    async fetchRef(ref) {
      const { git, remote } = openMirror(config())
      const fetched = await git([
        '-C',
        directory,
        'fetch',
        '--quiet',
        '--no-write-fetch-head',
        remote,
        `+${ref}:${ref}`,
      ])
      return fetched.code === 0 ? null : `git fetch: ${fetched.stderr.trim().slice(-1_500)}`
    },
    refresh() {
      if (running === null) return start()
      // The running fetch may miss what the caller already knows of, so one more fetch follows it.
      next ??= running.then(() => {
        next = null
        return start()
      })
      return next
    },
  }
}

/** Returns git with the VM key, and the remote's address. */
function openMirror({ url, workspace, vmKey }: Config) {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: `http.${url}/vm/git/.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Bearer ${vmKey}`,
    // Checkouts borrow objects from here, so git must never delete any as garbage.
    GIT_CONFIG_KEY_1: 'gc.auto',
    GIT_CONFIG_VALUE_1: '0',
  }
  return {
    git: (args: string[]) => run('git', args, { env, timeoutMs: FETCH_TIMEOUT_MS }),
    remote: `${url}/vm/git/${workspace}.git`,
  }
}

async function fetchMirror(directory: string, config: Config, done: string): Promise<string | null> {
  const { git, remote } = openMirror(config)
  if (!existsSync(join(directory, 'HEAD'))) {
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    const made = await git(['init', '--quiet', '--bare', '--shared=0644', directory])
    if (made.code !== 0) return `git init: ${made.stderr.trim()}`
  }
  const refspecs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
  const fetch = ['-C', directory, 'fetch', '--quiet', '--prune', '--no-write-fetch-head', remote]
  const fetched = await git([...fetch, ...refspecs])
  if (fetched.code !== 0) return `git fetch: ${fetched.stderr.trim().slice(-1_500)}`
  writeFileSync(done, '', { mode: 0o644 })
  return null
}
