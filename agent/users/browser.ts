// Gives plans a browser: Playwright's command line, called through bash. It installs itself as the plan's user at its first call
// and drives the machine's own Chrome or Chromium. A command needs no tool definition, which would cost tokens in every request.
// The read tool shows the screenshots it writes.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../machine/durable.ts'
import { findProgram } from '../machine/programs.ts'

const PACKAGE = '@playwright/cli@0.1.22'
const BROWSERS = [
  'google-chrome',
  'google-chrome-stable',
  'chromium',
  'chromium-browser',
  'chromium-headless-shell',
  'microsoft-edge',
]
/** Addresses where clouds serve the credentials of their machines. */
const METADATA = [
  '169.254.169.254',
  '[fd00:ec2::254]',
  'metadata.google.internal',
  '100.100.100.200',
  '192.0.0.192',
]

/** Returns the settings of playwright-cli: no window, no saved profile, and output outside the checkout. */
export function browserEnv(home: string, path: string): NodeJS.ProcessEnv {
  const browser = findBrowser({ PATH: path })
  return {
    PLAYWRIGHT_MCP_HEADLESS: '1',
    PLAYWRIGHT_MCP_ISOLATED: '1',
    PLAYWRIGHT_MCP_OUTPUT_DIR: join(home, '.playwright-cli'),
    PLAYWRIGHT_MCP_BLOCKED_ORIGINS: METADATA.flatMap((host) => [`http://${host}`, `https://${host}`]).join(
      ';',
    ),
    ...(browser === null ? {} : { PLAYWRIGHT_MCP_EXECUTABLE_PATH: browser, CHROME_BIN: browser }),
  }
}

export function findBrowser(env: NodeJS.ProcessEnv): string | null {
  for (const name of BROWSERS) {
    const file = findProgram(name, env)
    if (file !== null) return file
  }
  return null
}

/** Writes `playwright-cli` into ~/.local/bin. At its first call it installs itself, and a browser if the machine has none. */
export function writeBrowserCommand(home: string): void {
  mkdirSync(join(home, '.local/bin'), { recursive: true, mode: 0o700 })
  writeDurably(join(home, '.local/bin/playwright-cli'), SCRIPT, 0o755)
}

const SCRIPT = `#!/bin/bash
# Installs Playwright's command line at the first call, then runs it.
dir="$HOME/.playwright" log="$HOME/.playwright/install.log"
mkdir -p "$dir" "$HOME/evidence"
if ! [ -x "$dir/node_modules/.bin/playwright-cli" ]; then
  # Not npm --prefix: the machine's own npmrc, with its mirror or certificates, would not be read.
  (flock 9; [ -x "$dir/node_modules/.bin/playwright-cli" ] || {
    cd "$dir" && echo '{"private":true}' >package.json &&
      timeout 300 npm install --no-audit --no-fund --no-package-lock ${PACKAGE} >"$log" 2>&1
  }) 9>"$dir/lock"
fi
if ! [ -x "$dir/node_modules/.bin/playwright-cli" ]; then
  echo "playwright-cli could not be installed; go on without a browser and say so in your summary:" >&2
  tail -n 5 "$log" >&2
  exit 1
fi
if [ -z "$PLAYWRIGHT_MCP_EXECUTABLE_PATH" ]; then
  export PLAYWRIGHT_BROWSERS_PATH="$dir/browsers"
  if ! ls "$dir"/browsers/chromium* >/dev/null 2>&1 && ! (flock 9; timeout 600 "$dir/node_modules/.bin/playwright" install chromium chromium-headless-shell >>"$log" 2>&1) 9>"$dir/lock"; then
    echo "This machine has no browser and none could be installed; go on without one and say so in your summary:" >&2
    tail -n 5 "$log" >&2
    exit 1
  fi
  export PLAYWRIGHT_MCP_BROWSER="\${PLAYWRIGHT_MCP_BROWSER:-chromium}"
fi
exec "$dir/node_modules/.bin/playwright-cli" "$@"
`

/** Returns the line about the browser for the model's first message. */
export const describeBrowser = (env: NodeJS.ProcessEnv): string => {
  const browser = env['PLAYWRIGHT_MCP_EXECUTABLE_PATH']
  const which = browser === undefined ? 'none on the machine, one is fetched at the first call' : browser
  return `Browser: ${which}. In bash: playwright-cli open URL, snapshot, click REF, fill REF TEXT, screenshot --filename ~/evidence/NAME.png, close (the first call installs it; --help lists more). Look at a screenshot with the read tool.`
}
