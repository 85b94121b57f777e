// What `npm run deploy` prints, for docs/deploy.md: the real program with three answers, and its dry run, against the stand-in of
// Cloudflare. What differs from run to run stands there as a word.
import { GOOD_KEYS, openDeployLab } from '../e2e/support/deploy-lab.ts'

const ANSWERS = [GOOD_KEYS.ORGO_API_KEY, GOOD_KEYS.ANTHROPIC_API_KEY, 'github_pat_abcdefgh12345678']

export async function deployTranscript(): Promise<string> {
  await using stack = new AsyncDisposableStack()
  const open = async () => {
    const lab = await openDeployLab()
    stack.defer(() => lab.close())
    return lab
  }
  const [first, second] = [await open(), await open()]
  const real = await first.run('deploy/deploy.ts', [], { answers: `${ANSWERS.join('\n')}\n` })
  const again = await first.run('deploy/deploy.ts')
  const dry = await second.run('deploy/deploy.ts', ['--dry-run'])
  for (const { code, output } of [real, again, dry]) if (code !== 0) throw new Error(output)
  return [
    '### The first time: three answers',
    block('npm run deploy', real.output),
    '### Again: nothing changes',
    block('npm run deploy', fromStep(again.output, 'Database and key-value store', 'Your client:')),
    '### Before: what it would do',
    block('npm run deploy -- --dry-run', fromStep(dry.output, 'The agent')),
  ].join('\n\n')
}

function block(command: string, output: string): string {
  return `\`\`\`text\n$ ${command}\n${steady(output).trim()}\n\`\`\``
}

/** From one line to another, without what the first transcript has shown. */
function fromStep(output: string, from: string, to?: string): string {
  const end = to === undefined ? -1 : output.indexOf(to)
  return `...\n\n${output.slice(output.indexOf(`\n${from}`) + 1, end < 0 ? undefined : end)}`
}

function steady(output: string): string {
  return output
    .replaceAll(/[\w-]{43}(?![\w-])/g, '{owner token}')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '{id}')
    .replaceAll(/\b[0-9a-f]{32}\b/g, '{id}')
    .replaceAll(/wrangler\.deploy\.\d+\.toml/g, 'wrangler.deploy.toml')
    .replaceAll(/[ \t]+$/gm, '')
}
