// Parses the environment once into typed settings. A problem names the setting and what to do, never its value.
import * as z from 'zod'
import { SettingsError } from './errors.ts'
import { targetProblem } from './git-names.ts'
import { rememberCredentialLines, rememberSecrets } from './redact.ts'
import { Effort } from '../shared/words.ts'

/** A hundred years: a longer time is a mistake. */
const MOST_DAYS = 36_500
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** True when a URL points at this very machine. */
export function isLoopbackUrl(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.has(new URL(url).hostname)
}

export interface Settings {
  orgoApiKey: string
  anthropicApiKey: string
  /** Every GIT_CREDENTIALS* secret joined, one URL per line; read only by auth/git-credentials.ts. */
  gitCredentials: string
  ownerToken: string
  tokenKey: string
  /** Several while rotating. Empty: no webhook is accepted. */
  webhookSecrets: string[]
  notifyUrl: string | null
  publicUrl: string
  /** The address at which VMs reach the Worker: PUBLIC_URL, unless that sits behind a login page or a smaller body limit. */
  vmUrl: string
  orgoApiUrl: string
  anthropicBaseUrl: string
  githubApiUrl: string
  /** The address from which bootstrap.sh fetches Node when the VM has none. */
  nodeDistUrl: string
  defaultBudgetUsd: number
  monthlyBudgetUsd: number
  model: string
  effort: Effort
  maxParallelPlans: number
  /** Hours of one attempt during which its VM can be reached. */
  maxPlanHours: number
  /** Minutes between two checkpoints of a running plan: the most work that the loss of its machine costs. */
  checkpointMinutes: number
  /** Days a plan is kept after it ended; null: for ever. */
  historyDays: number | null
  /** True allows http and loopback upstreams; only `npm run dev` sets it. */
  local: boolean
}

export interface SettingsReport {
  settings: Settings
  problems: string[]
}

type RawEnv = Record<string, unknown>

const text = (env: RawEnv, name: string): string => (typeof env[name] === 'string' ? env[name].trim() : '')

/** Never throws. A bad value is reported and replaced by its default; code that depends on the settings calls requireSettings. */
export function readSettings(env: RawEnv): SettingsReport {
  const problems: string[] = []
  const publicUrl = text(env, 'PUBLIC_URL').replace(/\/+$/, '')
  const local = text(env, 'LOCAL') === 'true'
  const isLocal = local && isLoopbackUrl(publicUrl)
  const secret = (name: string, minLength: number, cure: string): string => {
    const value = text(env, name)
    if (value === '') problems.push(`${name} is not set: ${cure}`)
    else if (value.length < minLength)
      problems.push(`${name} is shorter than ${minLength} characters: ${cure}`)
    return value.length < minLength ? '' : value
  }
  const url = (name: string, fallback: string): string => {
    if (text(env, name) === '') return fallback
    const value = text(env, name).replace(/\/+$/, '')
    const parsed = URL.canParse(value) ? new URL(value) : null
    const allowed =
      parsed !== null &&
      (parsed.protocol === 'https:' || (isLocal && parsed.protocol === 'http:')) &&
      parsed.username === ''
    if (!allowed) problems.push(`${name} must be an https URL without a user name.`)
    return allowed ? value : fallback
  }
  const number = (
    name: string,
    fallback: number,
    schema: z.ZodNumber,
    words = 'a number above 0',
  ): number => {
    if (text(env, name) === '') return fallback
    const parsed = schema.safeParse(Number(text(env, name)))
    if (!parsed.success) problems.push(`${name} must be ${words}.`)
    return parsed.success ? parsed.data : fallback
  }
  const effort = Effort.safeParse(text(env, 'EFFORT') || 'high')
  if (!effort.success) problems.push(`EFFORT must be one of ${Effort.options.join(', ')}.`)

  const days = z.coerce.number().int().min(1).max(MOST_DAYS).safeParse(text(env, 'HISTORY_DAYS'))
  const isKeptForEver = text(env, 'HISTORY_DAYS') === ''
  if (!isKeptForEver && !days.success)
    problems.push(
      `HISTORY_DAYS must be a whole number of days from 1 to ${MOST_DAYS}; leave it empty to keep plans for ever.`,
    )

  if (publicUrl === '' || !URL.canParse(publicUrl))
    problems.push("PUBLIC_URL is not set: it is the Worker's own URL; `npm run deploy` sets it.")
  else if (local && !isLoopbackUrl(publicUrl))
    problems.push('LOCAL is for `npm run dev` only: it is refused unless PUBLIC_URL is loopback.')

  const wanted = text(env, 'NOTIFY_URL')
  const target =
    wanted === ''
      ? null
      : targetProblem(wanted, { local: isLocal, ownUrls: [publicUrl, text(env, 'VM_URL')] })
  if (target !== null) problems.push(`NOTIFY_URL ${target}.`)
  const notifyUrl = wanted === '' || target !== null ? null : wanted

  const settings: Settings = {
    orgoApiKey: secret('ORGO_API_KEY', 8, 'get one at orgo.ai, then `npx wrangler secret put ORGO_API_KEY`.'),
    anthropicApiKey: secret(
      'ANTHROPIC_API_KEY',
      8,
      'get one at console.anthropic.com, then `npx wrangler secret put ANTHROPIC_API_KEY`.',
    ),
    gitCredentials: Object.keys(env)
      .filter((name) => name === 'GIT_CREDENTIALS' || name.startsWith('GIT_CREDENTIALS_'))
      .toSorted()
      .map((name) => text(env, name))
      .join('\n'),
    ownerToken: secret('OWNER_TOKEN', 32, '`npm run deploy` makes it.'),
    tokenKey: secret('TOKEN_KEY', 32, '`npm run deploy` makes it.'),
    webhookSecrets: text(env, 'GITHUB_WEBHOOK_SECRET')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
    notifyUrl,
    publicUrl,
    vmUrl: url('VM_URL', publicUrl),
    orgoApiUrl: url('ORGO_API_URL', 'https://www.orgo.ai/api'),
    anthropicBaseUrl: url('ANTHROPIC_BASE_URL', 'https://api.anthropic.com'),
    githubApiUrl: url('GITHUB_API_URL', 'https://api.github.com'),
    nodeDistUrl: url('NODE_DIST_URL', 'https://nodejs.org/dist'),
    defaultBudgetUsd: number('DEFAULT_BUDGET_USD', 10, z.number().positive()),
    monthlyBudgetUsd: number('MONTHLY_BUDGET_USD', 200, z.number().positive()),
    model: text(env, 'MODEL') || 'claude-opus-5-5',
    effort: effort.success ? effort.data : 'high',
    maxParallelPlans: number('MAX_PARALLEL_PLANS', 2, z.number().int().min(1).max(16)),
    maxPlanHours: number(
      'MAX_PLAN_HOURS',
      4,
      z.number().min(0.1).max(168),
      'a number of hours from 0.1 to 168',
    ),
    checkpointMinutes: number(
      'CHECKPOINT_MINUTES',
      4,
      z.number().min(1).max(5),
      'a number of minutes from 1 to 5',
    ),
    // A mistyped number must not erase anything.
    historyDays: days.success ? days.data : null,
    local: isLocal,
  }
  rememberSecrets({
    ORGO_API_KEY: settings.orgoApiKey,
    ANTHROPIC_API_KEY: settings.anthropicApiKey,
    OWNER_TOKEN: settings.ownerToken,
    TOKEN_KEY: settings.tokenKey,
    NOTIFY_URL: settings.notifyUrl ?? '',
  })
  for (const one of settings.webhookSecrets) rememberSecrets({ GITHUB_WEBHOOK_SECRET: one })
  rememberCredentialLines('GIT_CREDENTIALS', settings.gitCredentials)
  if (settings.webhookSecrets.length === 0)
    problems.push('GITHUB_WEBHOOK_SECRET is not set: `npm run deploy` makes it.')
  return { settings, problems }
}

/** Returns the settings, or throws one error that lists every problem. For the first call that needs them. */
export function requireSettings(env: RawEnv): Settings {
  const { settings, problems } = readSettings(env)
  if (problems.length > 0) throw new SettingsError(`The runtime is not configured. ${problems.join(' ')}`)
  return settings
}
