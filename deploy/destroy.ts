// `npm run destroy`: deletes what deploy created, after showing it and asking. VMs are deleted only with --vms: Orgo bills them,
// and they may hold work that was never pushed.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { chooseAccount } from './account.ts'
import { readCommandLine } from './command-line.ts'
import { findDatabase, findNamespace, secretNames } from './cloudflare.ts'
import { CONFIG_FILE, writeConfig } from './config.ts'
import { DeployError } from './errors.ts'
import { runToEnd } from './run-to-end.ts'
import { callTool } from './runtime.ts'
import { readState, STATE_FILE } from './state-file.ts'
import type { Terminal } from './terminal.ts'
import { createWrangler } from './wrangler.ts'

const { values } = readCommandLine({
  command: 'npm run destroy',
  about: 'Takes away what deploy made, after showing it and asking.',
  flags: {
    vms: { about: 'the VMs that the runtime made, too' },
    yes: { about: 'do not ask' },
    name: { about: 'name of the Worker; else the one this machine deployed', text: 'NAME' },
  },
})

await runToEnd(async (terminal) => {
  const { say } = terminal
  const {
    name = 'agent-execution-runtime',
    accountId: usedBefore,
    url,
  } = { ...readState(), ...(values.name === undefined ? {} : { name: values.name }) }
  let accountId: string | undefined
  const wrangler = createWrangler({
    dryRun: false,
    show: (command) => say(`    $ ${command}`),
    accountId: () => accountId,
  })
  accountId = await chooseAccount(wrangler, terminal, usedBefore)
  const databaseId = await findDatabase(wrangler, name)
  const namespaceId = await findNamespace(wrangler, `${name}-oauth`)
  const hasWorker = ((await secretNames(wrangler, name))?.size ?? 0) > 0
  const workspaces = values.vms ? await listWorkspaces(terminal, url) : []
  const found = [
    hasWorker ? `the Worker ${name}, with its secrets and the state of every workspace and plan` : null,
    databaseId === null ? null : `the D1 database ${name}, with the history of all plans`,
    namespaceId === null ? null : `the KV namespace ${name}-oauth, with the log-ins of connected clients`,
    ...workspaces.map((workspace) => `the workspace ${workspace} and the VM we made for it`),
  ].filter((line) => line !== null)
  if (found.length === 0) return say('\nThere is nothing to take away.')
  say(`\nThis deletes for good:\n${found.map((line) => `  - ${line}`).join('\n')}`)
  say(values.vms ? '' : '  VMs stay (and are billed by Orgo on): -- --vms deletes those we made.\n')
  say('  Your repositories and the branches pushed to them are not touched.')
  if (!values.yes && (await terminal.ask(`\nType ${name} to go on:`, 'plain')) !== name)
    return say('Nothing was deleted.')

  for (const workspace of workspaces) {
    await callTool(
      url ?? '',
      await ownerToken(terminal),
      'workspace_remove',
      { workspace_id: workspace, delete_vm: true },
      z.unknown(),
    )
    say(`  removed ${workspace}`)
  }
  // The Worker goes first, so that nothing writes to the others any more.
  if (hasWorker) await wrangler.change(['delete', name, '--force'])
  if (databaseId !== null) {
    writeConfig({ accountId, name, databaseId, namespaceId: namespaceId ?? '', publicUrl: '' })
    await wrangler.change(['d1', 'delete', 'DB', '--skip-confirmation', '--config', CONFIG_FILE])
  }
  if (namespaceId !== null)
    await wrangler.change(['kv', 'namespace', 'delete', '--namespace-id', namespaceId, '--skip-confirmation'])
  rmSync(STATE_FILE, { force: true })
  rmSync(join(import.meta.dirname, '..', CONFIG_FILE), { force: true })
  say('\nAll of it is gone. Revoke the Orgo key, the model key and the git tokens you made for it.')
})

async function listWorkspaces(terminal: Terminal, url: string | undefined): Promise<string[]> {
  if (url === undefined)
    throw new DeployError(
      '--vms needs the address of the runtime, which this machine does not know: run npm run deploy once, then this again.',
    )
  const Listed = z.object({ workspaces: z.array(z.object({ name: z.string() })) })
  const { workspaces } = await callTool(url, await ownerToken(terminal), 'workspace_list', {}, Listed)
  return workspaces.map(({ name }) => name)
}

let token = process.env['OWNER_TOKEN'] ?? ''
async function ownerToken(terminal: Terminal): Promise<string> {
  if (token === '') token = await terminal.ask('Owner token (to remove the VMs):', 'secret')
  return token
}
