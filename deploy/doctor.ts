// `npm run doctor`: says what is wrong with a deployment, each problem with its cure. The Worker checks most of it itself (GET
// /doctor). This file checks what only this machine can see: whether the Worker is reached, the clock, and whether it is as new
// as this checkout. With --pairing-code it makes a code for a phone to sign in with.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { VERSION } from '../src/lib/version.ts'
import { readCommandLine } from './command-line.ts'
import { DeployError } from './errors.ts'
import { runToEnd } from './run-to-end.ts'
import { readState } from './state-file.ts'

const MAX_CLOCK_SKEW_MS = 2 * 60_000

const Finding = z.object({
  check: z.string(),
  ok: z.boolean(),
  detail: z.string(),
  cure: z.string().optional(),
})
const Paired = z.object({ code: z.string(), expires_at: z.string() })
type Finding = z.infer<typeof Finding>
const Report = z.object({
  version: z.string(),
  public_url: z.string(),
  now: z.string(),
  migrations: z.array(z.string()).nullable(),
  findings: z.array(Finding),
})

const { values } = readCommandLine({
  command: 'npm run doctor',
  about:
    'What is wrong with a deployment, each with its cure. Asks for the owner token, or takes OWNER_TOKEN.',
  flags: {
    url: { about: 'address of the runtime; else the one this machine deployed', text: 'URL' },
    'pairing-code': { about: 'make a pairing code for a phone instead' },
  },
})

await runToEnd(async ({ say, ask }) => {
  const url = (values.url ?? readState().url ?? '').replace(/\/+$/, '')
  if (!URL.canParse(url))
    throw new DeployError(
      'No address: npm run doctor -- --url https://your-runtime.workers.dev, or run npm run deploy first.',
    )
  const token = process.env['OWNER_TOKEN'] ?? (await ask('Owner token:', 'secret'))
  if (values['pairing-code']) return say(await pairingCode(url, token))
  say(`\nLooking at ${url}\n`)
  const findings = await examine(url, token)
  const width = Math.max(...findings.map(({ check }) => check.length))
  for (const { check, ok, detail, cure } of findings) {
    say(`  ${ok ? 'ok ' : '!! '} ${check.padEnd(width)}  ${detail}`)
    if (!ok && cure !== undefined) say(`      ${' '.repeat(width)}  → ${cure}`)
  }
  const bad = findings.filter(({ ok }) => !ok).length
  say(bad === 0 ? '\nAll is well.' : `\n${bad} ${bad === 1 ? 'thing needs' : 'things need'} you.`)
  if (bad > 0) process.exitCode = 1
})

/** Makes a pairing code with which a phone signs in: short, valid for ten minutes, once. */
async function pairingCode(url: string, token: string): Promise<string> {
  const response = await fetch(`${url}/pairing`, {
    method: 'POST',
    redirect: 'manual',
    signal: AbortSignal.timeout(60_000),
    headers: { authorization: `Bearer ${token}` },
  }).catch(() => null)
  const made = Paired.safeParse(await response?.json().catch(() => null))
  if (made.success)
    return `\n${made.data.code}\n\nType it where ${url} asks for the owner token, before ${made.data.expires_at}; it works once.`
  throw new DeployError(
    response?.status === 401
      ? 'The owner token is not accepted: use the one deploy showed, or make a new one: npm run deploy -- --new-owner-token'
      : `No pairing code: ${url} ${response === null ? 'does not answer' : `answers ${response.status}`}. npm run doctor says what is wrong.`,
  )
}

async function examine(url: string, token: string): Promise<Finding[]> {
  const asked = Date.now()
  const response = await fetch(`${url}/doctor`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(60_000),
    headers: { authorization: `Bearer ${token}` },
  }).catch(() => null)
  const check = 'address'
  if (response === null)
    return [
      {
        check,
        ok: false,
        detail: 'It does not answer.',
        cure: 'Check the address and your network; npm run deploy deploys again.',
      },
    ]
  if (response.status === 401)
    return [
      {
        check: 'owner token',
        ok: false,
        detail: 'It is not accepted.',
        cure: 'Use the one deploy showed, or make a new one: npm run deploy -- --new-owner-token',
      },
    ]
  const report = Report.safeParse(await response.json().catch(() => null))
  if (!report.success)
    return [
      {
        check,
        ok: false,
        detail: `It answers ${response.status}, but is no runtime of this version.`,
        cure: 'Check the address, or upgrade it: npm run deploy',
      },
    ]
  const { version, public_url: publicUrl, now, migrations, findings } = report.data
  return [
    { check, ok: true, detail: 'It answers.' },
    lookAtVersion(version),
    lookAtPublicUrl(url, publicUrl),
    lookAtClock(Date.parse(now), asked, Date.now()),
    ...lookAtMigrations(migrations),
    ...findings,
  ]
}

function lookAtVersion(version: string): Finding {
  if (version === VERSION) return { check: 'version', ok: true, detail: version }
  return {
    check: 'version',
    ok: false,
    detail: `Deployed is ${version}, this checkout is ${VERSION}.`,
    cure: 'git pull, then npm run deploy',
  }
}

function lookAtPublicUrl(url: string, publicUrl: string): Finding {
  const check = 'PUBLIC_URL'
  if (publicUrl === url) return { check, ok: true, detail: publicUrl }
  return {
    check,
    ok: false,
    detail: `It is ${publicUrl === '' ? 'not set' : publicUrl}, but the runtime answers at ${url}: VMs and log-ins use the first.`,
    cure: 'npm run deploy sets it; behind a custom domain set PUBLIC_URL to that and deploy again.',
  }
}

function lookAtClock(theirsMs: number, fromMs: number, toMs: number): Finding {
  const offMs = Math.max(0, fromMs - theirsMs, theirsMs - toMs)
  if (offMs <= MAX_CLOCK_SKEW_MS)
    return { check: 'clock', ok: true, detail: 'This machine and Cloudflare agree.' }
  return {
    check: 'clock',
    ok: false,
    detail: `This machine is off by ${Math.round(offMs / 60_000)} minutes.`,
    cure: 'Set its clock: log-ins and signatures depend on it.',
  }
}

function lookAtMigrations(applied: string[] | null): Finding[] {
  if (applied === null) return [] // the finding about D1 says so
  const missing = readdirSync(join(import.meta.dirname, '../migrations')).filter(
    (name) => name.endsWith('.sql') && !applied.includes(name),
  )
  if (missing.length === 0)
    return [{ check: 'tables', ok: true, detail: `Up to ${applied.at(-1) ?? 'none'}.` }]
  return [
    {
      check: 'tables',
      ok: false,
      detail: `Not applied: ${missing.join(', ')}.`,
      cure: 'npm run deploy applies them.',
    },
  ]
}
