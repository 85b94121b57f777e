// Checks before the first paid model call that the plan can push, that its model can be used, and that the disk has room. What is
// missing pauses the plan with a clear reason within a minute and a half, instead of hours later.
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { gitReason } from '../git/git.ts'
import { diskTrouble, readLimits } from '../plan/limits.ts'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { explainGitFailure } from '../plan/token-renewal.ts'

const PATIENCE_MS = 60_000
const GIT_TIMEOUT_MS = 25_000
const MODEL_TIMEOUT_MS = 15_000
const PAUSE_MS = 2_000

/** Returns when all is well. Errors: PauseError with what is missing; RevokedError. */
export async function preflight(plan: PlanContext): Promise<void> {
  const full = diskTrouble(plan.start.checkout, readLimits())
  if (full !== null) throw new PauseError('vm_unavailable', full)
  await Promise.all([checkModel(plan), checkPush(plan)])
  plan.report({
    kind: 'event',
    type: 'preflight',
    text: 'The branch can be pushed, the model answers, the disk has room.',
  })
}

const Refusal = z.object({ error: z.object({ type: z.string(), message: z.string() }) })

/** Makes one free call through the gateway. It succeeds only with the plan's rights, a stored API key and a known model. */
async function checkModel({ start, token, report }: PlanContext): Promise<void> {
  const patienceMs = Math.min(PATIENCE_MS, Number(process.env['RALPH_MODEL_PATIENCE_MS'] ?? PATIENCE_MS))
  const endMs = performance.now() + patienceMs
  for (;;) {
    const held = token.current()
    const answer = await askForModel(start.url, start.model, held)
    if (answer.status === 200) return
    const { type, message } = answer
    if (type === 'token_revoked') throw new RevokedError()
    if (type === 'budget_exceeded') throw new PauseError('budget', message)
    if (type === 'monthly_budget_exceeded') throw new PauseError('monthly_budget', message)
    if (/ANTHROPIC_API_KEY/.test(message) || type === 'authentication_error')
      throw new PauseError('credential_missing', message)
    if (type === 'token_expired') await token.renewed(held, endMs - performance.now())
    else if ([400, 402, 403, 404].includes(answer.status))
      throw new PauseError('model_unavailable', `The model ${start.model} cannot be used: ${message}`)
    report({ kind: 'activity' })
    if (performance.now() + PAUSE_MS > endMs)
      throw new PauseError('model_unavailable', `The model could not be reached: ${message}`)
    await sleep(PAUSE_MS)
  }
}

async function askForModel(
  url: string,
  model: string,
  token: string,
): Promise<{ status: number; type: string; message: string }> {
  try {
    const response = await fetch(`${url}/vm/model/v1/models/${encodeURIComponent(model)}`, {
      headers: { authorization: `Bearer ${token}`, 'anthropic-version': '2023-06-01' },
      redirect: 'manual',
      signal: AbortSignal.timeout(MODEL_TIMEOUT_MS),
    })
    const body = Refusal.safeParse(await response.json().catch(() => null))
    const message = clipText(body.data?.error.message ?? `HTTP ${response.status}`, 1_000)
    return { status: response.status, type: body.data?.error.type ?? '', message }
  } catch (error) {
    return {
      status: 0,
      type: '',
      message: clipText(error instanceof Error ? error.message : 'no answer', 300),
    }
  }
}

/** Makes a dry-run push. It sends nothing, but by then the gateway and the git host have accepted or refused. */
async function checkPush({ git, start, token, report }: PlanContext): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS
  const probe = await probeCommit(git)
  for (;;) {
    const held = token.current()
    const args = ['push', '--dry-run', '--quiet', 'origin', `+${probe}:refs/heads/${start.branch}`]
    const result = await git.try(args, { timeoutMs: GIT_TIMEOUT_MS })
    if (result.code === 0) return
    if (/token_revoked/.test(result.stderr)) throw new RevokedError()
    const said = gitReason(result)
    const verdict = explainGitFailure(result)
    if (verdict === 'expired' && (await token.renewed(held, endMs - performance.now()))) continue
    if (/no git credential is stored/.test(said)) throw new PauseError('credential_missing', said)
    report({ kind: 'activity' })
    if (verdict === 'refused' || performance.now() + PAUSE_MS > endMs)
      throw new PauseError('git_refused', `${start.branch} could not be pushed: ${said}`)
    await sleep(PAUSE_MS)
  }
}

/** Returns HEAD. A repository without a commit gets a new commit that no branch points at. */
async function probeCommit(git: PlanContext['git']): Promise<string> {
  const head = await git.try(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'])
  if (head.code === 0) return head.stdout.trim()
  const tree = await git.must(['hash-object', '-t', 'tree', '-w', '--stdin'], { input: '' })
  return git.must(['commit-tree', tree], { input: 'probe\n' })
}
