// GET /doctor, for the owner: everything this deployment can check by itself, each problem with its cure. It only makes outside
// calls that cost nothing, and shows no secret. `npm run doctor` prints the result beside what only the person's machine can see.
import { Hono } from 'hono'
import { gitCredentialProblems } from '../auth/git-credentials.ts'
import { findCaller } from '../auth/owner.ts'
import { appliedMigrations, countHistory } from '../history/query.ts'
import { fetchUpstream, path } from '../lib/fetch.ts'
import { errorFields, log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import type { Settings } from '../lib/settings.ts'
import { VERSION } from '../lib/version.ts'
import { well, wrong } from '../lib/finding.ts'
import type { Finding } from '../lib/finding.ts'
import { askEachWorkspace } from './each-workspace.ts'

const MODEL_TIMEOUT_MS = 10_000

export const doctorRoutes = new Hono<{ Bindings: Env }>().get('/doctor', async ({ env, req }) => {
  const caller = await findCaller(req.raw.headers, env)
  if (caller instanceof Response) return caller
  const { settings } = readSettings({ ...env })
  const looks: [string, () => Promise<Finding[]>][] = [
    ['settings', async () => lookAtSettings(env)],
    ['D1', async () => [await lookAtHistory(env)]],
    ['Orgo', async () => [await env.ACCOUNT.getByName('account').checkOrgo()]],
    ['model', async () => [await lookAtModel(settings)]],
    [
      'workspaces',
      () => askEachWorkspace(env, 'diagnose', (name, error) => failed(`workspace ${name}`, error)),
    ],
  ]
  const findings = await Promise.all(
    looks.map(async ([check, look]) => look().catch((error) => failed(check, error))),
  )
  return Response.json(
    {
      version: VERSION,
      public_url: settings.publicUrl,
      now: new Date().toISOString(),
      migrations: await appliedMigrations(env.DB),
      findings: findings.flat(),
    },
    { headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } },
  )
})

function lookAtSettings(env: Env): Finding[] {
  const { settings, problems } = readSettings({ ...env })
  const all = [...problems, ...gitCredentialProblems(settings.gitCredentials, settings)]
  if (all.length === 0) return [well('settings', 'All there.')]
  const cure = 'Run npm run deploy, or npx wrangler secret put with the name above.'
  return all.map((detail) => wrong('settings', detail, cure))
}

async function lookAtHistory(env: Env): Promise<Finding> {
  try {
    await countHistory(env.DB)
    return well('D1', 'The history can be read.')
  } catch (error) {
    return String(error).includes('no such table')
      ? wrong(
          'D1',
          'The tables of the history are missing.',
          'Run npm run deploy: it applies the migrations.',
        )
      : wrong(
          'D1',
          'The database of the history does not answer.',
          'Wait; nothing is lost meanwhile. If it lasts, see cloudflarestatus.com.',
        )
  }
}

async function lookAtModel({ anthropicApiKey, anthropicBaseUrl, model }: Settings): Promise<Finding> {
  const check = 'model'
  if (anthropicApiKey === '')
    return wrong(check, 'ANTHROPIC_API_KEY is not set.', 'npm run deploy asks for it.')
  const response = await fetchUpstream(
    'The model API',
    `${anthropicBaseUrl}${path`/v1/models/${model}`}`,
    MODEL_TIMEOUT_MS,
    { headers: { 'x-api-key': anthropicApiKey, 'anthropic-version': '2023-06-01' } },
  )
  await response.body?.cancel()
  if (response.ok) return well(check, `The key works and ${model} is there.`)
  if (response.status === 401 || response.status === 403)
    return wrong(
      check,
      `The model API refuses ANTHROPIC_API_KEY (${response.status}).`,
      'Make a new key at platform.claude.com and run ANTHROPIC_API_KEY=... npm run deploy',
    )
  if (response.status === 404)
    return wrong(
      check,
      `There is no model ${model} for this key.`,
      'Set MODEL to one you may use: MODEL=... npm run deploy',
    )
  return wrong(
    check,
    `The model API answers ${response.status}.`,
    'Wait; plans wait too. If it lasts, see status.claude.com.',
  )
}

function failed(check: string, error: unknown): Finding[] {
  log('doctor.error', { check, ...errorFields(error) })
  return [
    wrong(
      check,
      'It could not be looked at.',
      'Run npm run doctor again in a minute; if it lasts, look at the log: npx wrangler tail.',
    ),
  ]
}
