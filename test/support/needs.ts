// What a test needs of the machine it runs on. Each need is null where it is met, else the reason why it is not; describeWith counts
// tests that cannot run as skipped and puts the reason into their title.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe } from 'vitest'

/** An id that no user of this machine has. */
const PROBE_ID = 61_184
const CHROMIUM_PLACES = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

export const chromiumPath = CHROMIUM_PLACES.find((place) => place !== '' && existsSync(place))

const SANDBOX = pathToFileURL(join(import.meta.dirname, '../../agent/sandbox/sandbox.ts')).href
const FIND_SANDBOX = `import { findSandbox } from '${SANDBOX}'; process.exit((await findSandbox()) === null ? 1 : 0)`

/** Each is asked for once, when a test first needs it. */
export const needs = {
  linux: once(() => process.platform === 'linux', 'needs Linux'),
  /** A plan runs as a unix user of its own, and its proof as another. */
  secondUser: once(hasSecondUser, 'needs root, which makes a unix user for each plan'),
  /** Each plan and each proof runs in a sandbox of its own, as a unix user of its own. */
  ownSandbox: once(
    () => hasSecondUser() && runs(process.execPath, ['--input-type=module', '-e', FIND_SANDBOX]),
    'needs root, which makes a unix user and namespaces for each plan',
  ),
  /** A local computer with users of its own. An ordinary user's bubblewrap has root alone, and no bubblewrap has no walls. */
  bwrap: once(
    () => isRoot() && runs('bwrap', ['--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', '/bin/true']),
    'needs root and bubblewrap (Debian: bubblewrap)',
  ),
  /** A local computer that sees no file and no process but its own: an ordinary user's bubblewrap will do. */
  sandbox: once(
    () =>
      process.platform === 'linux' &&
      runs('bwrap', [
        '--unshare-user',
        '--unshare-pid',
        '--ro-bind',
        '/',
        '/',
        '--proc',
        '/proc',
        '/bin/true',
      ]),
    'needs bubblewrap (Debian: bubblewrap)',
  ),
  mount: once(canMount, 'needs root with the right to mount a file system'),
  chromium: once(
    () => chromiumPath !== undefined,
    'needs Chromium (Debian: chromium), or its path in CHROMIUM_PATH',
  ),
  pytest: once(() => runs('python3', ['-c', 'import pytest']), 'needs pytest (Debian: python3-pytest)'),
  python: once(() => runs('python3', ['-c', '']), 'needs Python (Debian: python3)'),
  gitLfs: once(() => runs('git-lfs', ['version']), 'needs git-lfs (Debian: git-lfs)'),
  go: once(() => runs('go', ['version']), 'needs Go (Debian: golang-go)'),
}

/** A describe whose tests run where nothing is missing (null). Elsewhere they count as skipped and its title says why. */
export function describeWith(missing: string | null, name: string, body: () => void): void {
  const why = missing === null ? '' : ` [skipped: ${missing}]`
  describe.skipIf(missing !== null)(`${name}${why}`, () => {
    body()
  })
}

function once(isMet: () => boolean, reason: string): () => string | null {
  let known: boolean | undefined
  return () => {
    known ??= isMet()
    return known ? null : reason
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function hasSecondUser(): boolean {
  const user = { uid: PROBE_ID, gid: PROBE_ID }
  return isRoot() && existsSync('/usr/sbin/useradd') && runs('/bin/true', [], user)
}

function runs(program: string, args: string[], user: { uid?: number; gid?: number } = {}): boolean {
  return spawnSync(program, args, { ...user, stdio: 'ignore' }).status === 0
}

function canMount(): boolean {
  if (!isRoot() || process.platform !== 'linux') return false
  const folder = mkdtempSync(join(tmpdir(), 'needs-mount-'))
  const isMounted = runs('mount', ['-t', 'tmpfs', 'needs-mount', folder])
  if (isMounted) runs('umount', [folder])
  rmdirSync(folder)
  return isMounted
}
