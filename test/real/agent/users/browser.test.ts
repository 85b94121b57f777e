// playwright-cli as a plan finds it: installed at its first call, once; the machine's own browser; clear words when there is none.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeBrowser, writeBrowserCommand } from '../../../../agent/users/browser.ts'
import { planEnv } from '../../../../agent/users/environment.ts'

function createHome(npm: string, browser: 'chromium' | null) {
  const home = mkdtempSync(join(tmpdir(), 'ralph-browser-'))
  const bin = join(home, 'machine')
  mkdirSync(bin)
  const program = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  program('npm', npm)
  if (browser !== null) program(browser, 'true')
  for (const tool of ['bash', 'mkdir', 'flock', 'timeout', 'tail', 'ls', 'cat', 'chmod', 'env'])
    program(tool, `exec ${execFileSync('which', [tool], { encoding: 'utf8' }).trim()} "$@"`)
  writeBrowserCommand(home)
  const env = planEnv({ home, user: 'plan', path: bin, planId: 'p' })
  return {
    home,
    env,
    bin,
    call: (...args: string[]) => spawnSync('playwright-cli', args, { env, encoding: 'utf8' }),
  }
}

const INSTALL = `echo "in $PWD: $*" >> "$HOME/npm.log"; mkdir -p "$HOME/.playwright/node_modules/.bin"
cli="$HOME/.playwright/node_modules/.bin/playwright-cli"; echo 'echo "ran $* with $PLAYWRIGHT_MCP_EXECUTABLE_PATH"' > "$cli"; chmod 755 "$cli"
echo 'echo "browser install: no way out" >&2; exit 1' > "$HOME/.playwright/node_modules/.bin/playwright"; chmod 755 "$HOME/.playwright/node_modules/.bin/playwright"`

test('installs itself at the first call only, and drives the browser of the machine', () => {
  const { home, bin, env, call } = createHome(INSTALL, 'chromium')
  for (const url of ['http://a', 'http://b'])
    expect(call('open', url).stdout).toBe(`ran open ${url} with ${join(bin, 'chromium')}\n`)
  expect(readFileSync(join(home, 'npm.log'), 'utf8').trim().split('\n')).toEqual([
    expect.stringMatching(new RegExp(`^in ${home}/.playwright: install (?!.*--prefix)`)),
  ])
  expect(env).toMatchObject({
    PLAYWRIGHT_MCP_ISOLATED: '1',
    PLAYWRIGHT_MCP_HEADLESS: '1',
    PLAYWRIGHT_MCP_OUTPUT_DIR: join(home, '.playwright-cli'),
    PLAYWRIGHT_MCP_BLOCKED_ORIGINS: expect.stringContaining('http://169.254.169.254'),
  })
  expect(describeBrowser(env)).toContain(join(bin, 'chromium'))
  rmSync(home, { recursive: true })
})

test.each([
  [
    'echo "npm error ENOTFOUND" >&2; exit 1',
    null,
    'could not be installed; go on without a browser',
    'ENOTFOUND',
  ],
  [INSTALL, null, 'no browser and none could be installed; go on without one', 'no way out'],
] as const)(
  'says that there is no browser here, and why, instead of failing in the dark: %#',
  (npm, browser, words, why) => {
    const { home, call } = createHome(npm, browser)
    const { status, stderr } = call('open', 'http://a')
    expect(status).toBe(1)
    expect(stderr).toContain(words)
    expect(stderr).toContain(why)
    rmSync(home, { recursive: true })
  },
)
