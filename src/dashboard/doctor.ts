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
import type { Finding } from '../workspace/contract.ts'
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
  if (all.length === 0) return [{ check: 'settings', ok: true, detail: 'All there.' }]
  return all.map((detail) => ({
    check: 'settings',
    ok: false,
    detail,
    cure: 'Run npm run deploy, or npx wrangler secret put with the name above.',
  }))
}

async function lookAtHistory(env: Env): Promise<Finding> {
  try {
    await countHistory(env.DB)
    return { check: 'D1', ok: true, detail: 'The history can be read.' }
  } catch (error) {
    const noTables = String(error).includes('no such table')
    return {
      check: 'D1',
      ok: false,
      detail: noTables
        ? 'The tables of the history are missing.'
        : 'The database of the history does not answer.',
      cure: noTables
        ? 'Run npm run deploy: it applies the migrations.'
        : 'Wait; nothing is lost meanwhile. If it lasts, see cloudflarestatus.com.',
    }
  }
}

async function lookAtModel({ anthropicApiKey, anthropicBaseUrl, model }: Settings): Promise<Finding> {
  const check = 'model'
  if (anthropicApiKey === '')
    return { check, ok: false, detail: 'ANTHROPIC_API_KEY is not set.', cure: 'npm run deploy asks for it.' }
  const response = await fetchUpstream(
    'The model API',
    `${anthropicBaseUrl}${path`/v1/models/${model}`}`,
    MODEL_TIMEOUT_MS,
    {
      headers: { 'x-api-key': anthropicApiKey, 'anthropic-version': '2023-06-01' },
    },
  )
  await response.body?.cancel()
  if (response.ok) return { check, ok: true, detail: `The key works and ${model} is there.` }
  if (response.status === 401 || response.status === 403)
    return {
      check,
      ok: false,
      detail: `The model API refuses ANTHROPIC_API_KEY (${response.status}).`,
      cure: 'Make a new key at platform.claude.com and run ANTHROPIC_API_KEY=... npm run deploy',
    }
  if (response.status === 404)
    return {
      check,
      ok: false,
      detail: `There is no model ${model} for this key.`,
      cure: 'Set MODEL to one you may use: MODEL=... npm run deploy',
    }
  return {
    check,
    ok: false,
    detail: `The model API answers ${response.status}.`,
    cure: 'Wait; plans wait too. If it lasts, see status.claude.com.',
  }
}

function failed(check: string, error: unknown): Finding[] {
  log('doctor.error', { check, ...errorFields(error) })
  return [
    {
      check,
      ok: false,
      detail: 'It could not be looked at.',
      cure: 'Run npm run doctor again in a minute; if it lasts, look at the log: npx wrangler tail.',
    },
  ]
}
