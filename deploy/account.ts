// Chooses the Cloudflare account: the one of the environment, the one used before, the only one, or the person's choice.
import { whoAmI } from './cloudflare.ts'
import { DeployError } from './errors.ts'
import type { Terminal } from './terminal.ts'
import { runInTerminal } from './wrangler.ts'
import type { Wrangler } from './wrangler.ts'

export async function chooseAccount(
  wrangler: Wrangler,
  terminal: Terminal,
  usedBefore?: string,
): Promise<string> {
  let who = await whoAmI(wrangler)
  if (!who.loggedIn && process.stdin.isTTY && process.env['CLOUDFLARE_API_TOKEN'] === undefined) {
    terminal.say('  You are not logged in: your browser opens.')
    await runInTerminal(['login'])
    who = await whoAmI(wrangler)
  }
  if (!who.loggedIn)
    throw new DeployError(
      'Not logged in to Cloudflare. Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN, and run this again.',
    )
  const wanted = process.env['CLOUDFLARE_ACCOUNT_ID'] ?? usedBefore
  const known = who.accounts.find(({ id }) => id === wanted)
  if (wanted !== undefined && known === undefined && !wrangler.dryRun)
    throw new DeployError(
      `This log-in has no account ${wanted}${process.env['CLOUDFLARE_ACCOUNT_ID'] === undefined ? ', which was used before: log in as before, or delete .deploy.json to begin anew' : ': correct CLOUDFLARE_ACCOUNT_ID'}.`,
    )
  const account = known ?? (who.accounts.length === 1 ? who.accounts[0] : await ask(terminal, who.accounts))
  if (account === undefined)
    throw new DeployError(
      'This log-in has no Cloudflare account. Make one at dash.cloudflare.com and run this again.',
    )
  terminal.say(`  ${account.name}${who.email === undefined ? '' : ` (${who.email})`}`)
  return account.id
}

async function ask(terminal: Terminal, accounts: { id: string; name: string }[]) {
  if (accounts.length === 0) return undefined
  for (const [index, { name }] of accounts.entries()) terminal.say(`  ${index + 1}  ${name}`)
  for (;;) {
    const account = accounts[Number(await terminal.ask('  Which account?', 'plain')) - 1]
    if (account !== undefined) return account
    terminal.say(`  Answer with a number from 1 to ${accounts.length}.`)
  }
}
