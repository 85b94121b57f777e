// What can go wrong at Cloudflare, each with its cure. The raw output of wrangler is shown only when no better text is known.

/** Its message is for the person; it ends the command with exit code 1. */
export class DeployError extends Error {
  override name = 'DeployError'
}

const CURES: [RegExp, string][] = [
  [
    /not authenticated|Authentication error|code: 10000|code: 9109|Invalid access token|not logged in/i,
    'Cloudflare does not accept this log-in. Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN to a token with "Edit Cloudflare Workers", D1 and KV rights, and run this again.',
  ],
  [
    /More than one account|multiple accounts/i,
    'Your log-in has several accounts: set CLOUDFLARE_ACCOUNT_ID to the one to use and run this again.',
  ],
  [
    /code: 7406|too many databases|database limit|maximum number of databases/i,
    'This account has as many D1 databases as its plan allows. Delete one you no longer need (`npx wrangler d1 list`), or upgrade the plan, and run this again.',
  ],
  [
    /code: 10014|namespace.*already exists/i,
    'A KV namespace with this name exists but could not be read. Look at `npx wrangler kv namespace list` and run this again.',
  ],
  [
    /workers\.dev subdomain|code: 10063/i,
    'This account has no workers.dev address yet. Open dash.cloudflare.com, "Workers & Pages", once (it makes one), and run this again.',
  ],
  [/code: 10027|script.*too large|size limit/i, 'The Worker is larger than the plan of this account allows.'],
  [
    /fetch failed|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|network connectivity/i,
    'Cloudflare could not be reached. Check the network (or the proxy) and run this again: it goes on where it stopped.',
  ],
]

/** Returns one text a person can act on. */
export function cureFor(args: string[], output: string): string {
  const known = CURES.find(([pattern]) => pattern.test(output))
  const flag = args.findIndex((word) => word.startsWith('-'))
  const command = `wrangler ${args.slice(0, flag === -1 ? args.length : flag).join(' ')}`
  if (known !== undefined) return `${command} failed. ${known[1]}`
  return `${command} failed:\n${readable(output)}\nRun this again when it is mended: what is done already is not done twice.`
}

/** Returns the last lines of the output, without colours, banners and log paths. */
function readable(output: string): string {
  const lines = output
    // eslint-disable-next-line no-control-regex -- the escape that begins a colour
    .replaceAll(/\u001B\[[0-9;]*m/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) =>
        line !== '' && !/^[─⛅🪵]|Logs were written|please (create|open) an issue|newer version/u.test(line),
    )
  return lines.slice(-8).join('\n')
}
