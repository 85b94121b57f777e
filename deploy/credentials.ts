// `npm run credentials -- add HOST`: adds one git host. Each host has a secret of its own, so adding one does not need the tokens
// of the others, which cannot be read back.
import { chooseAccount } from './account.ts'
import { readCommandLine } from './command-line.ts'
import { putSecrets, secretNames } from './cloudflare.ts'
import { DeployError } from './errors.ts'
import { readGitCredential } from './keys.ts'
import { runToEnd } from './run-to-end.ts'
import { readState } from './state-file.ts'
import { createWrangler } from './wrangler.ts'

const { words, refuse } = readCommandLine({
  command: 'npm run credentials',
  about: 'One more git host, such as gitlab.com (add), or the hosts that have a credential (list).',
  words: 'add HOST | list',
  flags: {},
})
const [action, host] = words
if (action !== 'list' && action !== 'add') refuse('Say add HOST or list.')
if (action === 'add' && !/^[a-z0-9.-]+(?::\d+)?$/i.test(host ?? ''))
  refuse(host === undefined ? 'add needs a host.' : `${host} is no host name.`)
const PERMISSIONS: Record<string, string> = {
  'github.com':
    'A fine-grained token for the repositories in question: Contents read and write, Pull requests read and write, Metadata read; not Workflows.',
  'gitlab.com':
    'A project or group access token with the role Developer and the scopes read_repository and write_repository; the user name is anything, such as oauth2.',
}

await runToEnd(async (terminal) => {
  const { say } = terminal
  const { name = 'agent-execution-runtime', accountId: usedBefore } = readState()
  let accountId: string | undefined
  const wrangler = createWrangler({
    dryRun: false,
    show: (command) => say(`    $ ${command}`),
    accountId: () => accountId,
  })
  accountId = await chooseAccount(wrangler, terminal, usedBefore)
  const all = await secretNames(wrangler, name)
  if (all === null) throw new DeployError(`There is no deployment ${name} yet: run npm run deploy first.`)
  const known = [...all].filter((secret) => secret.startsWith('GIT_CREDENTIALS'))
  if (action === 'list')
    return say(known.length === 0 ? '  none' : known.map((secret) => `  ${secret}`).join('\n'))
  const secret = `GIT_CREDENTIALS_${(host ?? '').toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
  say(
    `\n  ${PERMISSIONS[host ?? ''] ?? 'A token that may read the repositories and push to branches agent/*; no more.'}`,
  )
  if (known.includes(secret)) say('  There is one for this host already: the new one takes its place.')
  for (;;) {
    const answer = await terminal.ask(`  https://user:token@${host ?? ''} (or a GitHub token):`, 'secret')
    const read = readGitCredential(answer)
    const problem =
      'problem' in read
        ? read.problem
        : hostOf(read.value) === host
          ? null
          : `That is for ${hostOf(read.value)}, not for ${host ?? ''}. Nothing was kept.`
    if ('value' in read && problem === null) {
      await putSecrets(wrangler, name, { [secret]: read.value })
      return say(`  ${secret} is set and in use at once. Check it with npm run doctor.`)
    }
    say(`  ${problem ?? ''}`)
  }
})

function hostOf(line: string): string {
  return new URL(line).host
}
