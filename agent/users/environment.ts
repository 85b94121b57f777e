// Builds the environment of all processes of a plan. It adds allowed variables only, so no secret of the supervisor gets into it.
import { dirname, join } from 'node:path'
import { mkdirSync } from 'node:fs'
import { browserEnv, writeBrowserCommand } from './browser.ts'
import { GIT_ENV } from '../git/git.ts'
import { writeDurably } from '../machine/durable.ts'
import { SYSTEM_PATH } from '../machine/process.ts'
import { tokenConfigFile } from '../plan/token.ts'

export interface PlanEnvInput {
  home: string
  user: string
  /** The machine's PATH, if it has one beyond the system's. */
  path: string | undefined
  planId: string
  /** Id of the user that the environment is for, when it is another user than ours. */
  uid?: number | undefined
}

/** Each plan's user has a hundred ports of its own for servers. The kernel assigns none of these by itself. */
const FIRST_PORT = 20_000
const PORTS_PER_PLAN = 100
const PORT_RANGES = 120

export function planEnv({ home, user, path, planId, uid }: PlanEnvInput): NodeJS.ProcessEnv {
  const port = FIRST_PORT + ((uid ?? process.getuid?.() ?? 0) % PORT_RANGES) * PORTS_PER_PLAN
  // The plan's Python and commands come first. Our Node comes last, for machines that have none of their own.
  const own = [join(home, '.venv/bin'), join(home, '.local/bin')]
  const wholePath = [...own, path ?? SYSTEM_PATH, dirname(process.execPath)].join(':')
  return {
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    PATH: wholePath,
    TMPDIR: join(home, 'tmp'),
    // Marks every process of the plan, so that all can be found even where plans have no user of their own.
    RALPH_PLAN: planId,
    // As CI sets it, without NO_COLOR and TERM: a check must see what it sees there. Colours are taken out of what we show.
    CI: 'true',
    PAGER: 'cat',
    TQDM_DISABLE: '1',
    PIP_PROGRESS_BAR: 'off',
    DEBIAN_FRONTEND: 'noninteractive',
    COREPACK_ENABLE_DOWNLOAD_PROMPT: '0',
    // Corepack would write its version into package.json.
    COREPACK_ENABLE_AUTO_PIN: '0',
    NO_UPDATE_NOTIFIER: '1',
    PORT: String(port),
    RALPH_PORT_FIRST: String(port),
    RALPH_PORT_LAST: String(port + PORTS_PER_PLAN - 1),
    ...browserEnv(home, wholePath),
    ...GIT_ENV,
  }
}

/** Writes ~/.gitconfig and the folders of a plan's home. The config includes the token's file, which each renewal rewrites. */
export function writeHome(home: string, mirror: string): void {
  for (const folder of ['tmp', 'evidence', '.ralph', '.ralph/out'])
    mkdirSync(join(home, folder), { recursive: true, mode: 0o700 })
  writeBrowserCommand(home)
  writeDurably(
    join(home, '.gitconfig'),
    [
      '[user]',
      `\tname = ${GIT_ENV.GIT_AUTHOR_NAME}`,
      `\temail = ${GIT_ENV.GIT_AUTHOR_EMAIL}`,
      '[safe]',
      `\tdirectory = ${mirror}`,
      '[push]',
      '\tautoSetupRemote = true',
      '[protocol "ext"]',
      '\tallow = never',
      '[include]',
      `\tpath = ${tokenConfigFile(home)}`,
      '',
    ].join('\n'),
  )
}
