// The bare mirror that every checkout borrows its objects from. Only the supervisor writes it; plan users read it. The key
// travels to git in the environment: never in an argument, a URL or a configuration file.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../machine/config.ts'
import { mirrorDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { run } from '../machine/process.ts'

const FETCH_TIMEOUT_MS = 30 * 60_000

export interface Mirror {
  /** Brings it up to date; calls while one runs share the next. Resolves to what went wrong, null when nothing did. */
  refresh(): Promise<string | null>
  /** True once a fetch has succeeded, now or in an earlier life. */
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
    refresh() {
      if (running === null) return start()
      // What is being fetched may be older than what the caller knows of: one more after it.
      next ??= running.then(() => {
        next = null
        return start()
      })
      return next
    },
  }
}

async function fetchMirror(
  directory: string,
  { url, workspace, vmKey }: Config,
  done: string,
): Promise<string | null> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: `http.${url}/vm/git/.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Bearer ${vmKey}`,
    // Checkouts borrow objects from here: nothing may ever be collected.
    GIT_CONFIG_KEY_1: 'gc.auto',
    GIT_CONFIG_VALUE_1: '0',
  }
  const git = (args: string[]) => run('git', args, { env, timeoutMs: FETCH_TIMEOUT_MS })
  if (!existsSync(join(directory, 'HEAD'))) {
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    const made = await git(['init', '--quiet', '--bare', '--shared=0644', directory])
    if (made.code !== 0) return `git init: ${made.stderr.trim()}`
  }
  const refspecs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
  const remote = `${url}/vm/git/${workspace}.git`
  const fetched = await git([
    '-C',
    directory,
    'fetch',
    '--quiet',
    '--prune',
    '--no-write-fetch-head',
    remote,
    ...refspecs,
  ])
  if (fetched.code !== 0) return `git fetch: ${fetched.stderr.trim().slice(-1_500)}`
  writeFileSync(done, '', { mode: 0o644 })
  return null
}
