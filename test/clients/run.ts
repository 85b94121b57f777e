// `npm run clients`: the tests of real clients. --install only brings the foreign ones to their folder (900 MB), by the committed lock
// file; --write writes docs/clients.md from what the run saw.
import { readCommandLine } from '../../deploy/command-line.ts'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { CLIENTS_DIR, FOREIGN, whyNot } from './pins.ts'

/** About 45 s here; a registry that hangs must not hang CI. */
const INSTALL_TIMEOUT_MS = 10 * 60_000
const { values } = readCommandLine({
  command: 'npm run clients',
  about: 'The tests of real MCP clients.',
  flags: {
    install: { about: 'only bring the foreign clients to their folder (900 MB)' },
    write: { about: 'write docs/clients.md from what the run saw' },
  },
})

/** Install scripts stay off, except the one that puts Claude Code's program in its place. */
function install(): void {
  const missing = [
    whyNot('@anthropic-ai/claude-code'),
    whyNot('@google/gemini-cli'),
    whyNot('@openai/codex'),
    whyNot('mcp-remote'),
  ].filter((reason) => reason !== null)
  if (missing.length === 0) return
  mkdirSync(CLIENTS_DIR, { recursive: true })
  cpSync(FOREIGN, CLIENTS_DIR, { recursive: true })
  demand('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  demand(process.execPath, ['node_modules/@anthropic-ai/claude-code/install.cjs'])
}

function demand(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, {
    cwd: CLIENTS_DIR,
    stdio: 'inherit',
    timeout: INSTALL_TIMEOUT_MS,
  })
  if (status === 0) return
  const how = error === undefined ? `ended with ${String(status)}` : `failed: ${error.message}`
  console.error(`\`${command} ${args.join(' ')}\` in ${CLIENTS_DIR} ${how}.`)
  process.exit(1)
}

if (values.install) install()
else {
  const args = ['run', '--project', 'clients', ...(values.write ? ['-u'] : [])]
  const { status } = spawnSync('vitest', args, { stdio: 'inherit' })
  process.exit(status ?? 1)
}
