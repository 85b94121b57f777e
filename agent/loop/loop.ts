// The work loop of a plan: one conversation with the model after another, until the finish gate accepts the work or something ends
// it. turns.ts runs the turns of one conversation; conversation.ts holds what a conversation is.
import {
  begin,
  answerStop,
  openingOf,
  replaceBySummary,
  resume,
  say,
  shapeOf,
  toText,
} from './conversation.ts'
import type { Conversation, LoopInput } from './conversation.ts'
import { summarize } from './compaction.ts'
import { GitError } from '../git/git.ts'
import { isDiskFull } from '../machine/reserve.ts'
import { checkoutState } from './turn-marks.ts'
import { runTurns } from './turns.ts'
import type { IterationEnd, IterationInput } from './turns.ts'
import { readLimits } from '../plan/limits.ts'
import type { Limits } from '../plan/limits.ts'
import { lastWords } from '../model/messages.ts'
import { createModelClient, toModelTrouble } from '../model/client.ts'
import { turnRequest } from './turn-request.ts'
import { plainSettings, readModelSettings } from '../model/model-settings.ts'
import type { ModelSettings } from '../model/model-settings.ts'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import { createPatience } from '../model/patience.ts'
import type { ToolContext } from '../tools/context.ts'
import { createTools } from '../tools/index.ts'
import { openWorkClock } from './work-clock.ts'

export type LoopEnd =
  | { kind: 'finished'; summary: string }
  | { kind: 'question'; question: string }
  | { kind: 'failed'; error: string }

/** Works until the gate accepts, the model asks a question, or the work cannot go on. Errors: PauseError, RevokedError. */
export async function workLoop(input: LoopInput): Promise<LoopEnd> {
  const { plan } = input
  const { workMs } = plan.start
  const limits = readLimits(process.env, workMs === undefined ? {} : { workMs })
  const context = createContext(input)
  const tools = createTools(context)
  const model = createModelClient(plan)
  const clock = openWorkClock(plan.home, plan.start.attempt)
  const patience = createPatience(plan)
  const shape = shapeOf(plan, tools)
  let talk = (await resume(context, shape)) ?? (await begin(input, shape))
  if (context.conclusion !== null) return context.conclusion
  let settings: ModelSettings | null = null
  const fresh = await createNextConversation(input, limits, shape)

  for (;;) {
    const messagesBefore = talk.messages.length
    try {
      settings ??= await readModelSettings(model.client, {
        model: plan.start.model,
        effort: plan.start.effort,
        contextTokens: limits.contextTokens,
      })
      const request = turnRequest(plan.start.model, settings, tools)
      const iteration: IterationInput = { input, limits, clock, model, settings, request, tools, context }
      const end = await runTurns(iteration, talk)
      patience.rest()
      const next = await follow(iteration, talk, end)
      if (next.kind === 'go_on') continue
      if (next.kind !== 'fresh') return next
      talk = await fresh(next)
    } catch (error) {
      // A git error or a full disk is no trouble with the model. The process starts again and prepares a missing checkout anew.
      if (error instanceof GitError || isDiskFull(error)) throw error
      if (error instanceof PauseError || error instanceof RevokedError) throw error
      if (error instanceof GivenUp) return { kind: 'failed', error: error.message }
      if (talk.messages.length > messagesBefore) patience.rest()
      const trouble = toModelTrouble(error)
      if (trouble.kind !== 'refused') await patience.endure(trouble)
      else if (isAboutSettings(trouble.detail) && settings?.isPlain === false)
        settings = plainSettings(settings)
      // The API may have refused the history of a resumed or long conversation. A fresh one has no such history.
      else if (talk.messages.length > 1)
        talk = await fresh({ why: 'The model API refused its history.', failed: true })
      else return { kind: 'failed', error: `The model API refused the request: ${trouble.detail}` }
    }
  }
}

function createContext(input: LoopInput): ToolContext {
  const { plan } = input
  return {
    plan,
    cwd: plan.start.checkout,
    signal: new AbortController().signal,
    conclusion: null,
    requestFinish: (summary) => input.requestFinish(summary),
    interruption: null,
    keptNotes: false,
    queue: Promise.resolve(),
  }
}

/** True when the API says that the model does not take a setting. Errors about the history name "thinking" in other words. */
function isAboutSettings(detail: string): boolean {
  return /(?:thinking|effort|output_config).{0,80}(?:not supported|not permitted|unsupported)/i.test(detail)
}

type Next = LoopEnd | { kind: 'go_on' } | { kind: 'fresh'; why: string; failed: boolean }

/** Decides what follows when the turns of a conversation have ended. */
async function follow(iteration: IterationInput, talk: Conversation, end: IterationEnd): Promise<Next> {
  const { input, model, request, context } = iteration
  const { plan } = input
  if (context.conclusion !== null) return context.conclusion
  if (end.kind === 'over') return { kind: 'failed', error: end.error }
  if (end.kind === 'fresh') return end
  if (end.kind === 'compact') {
    const summary = await summarize(model, request, talk)
    if (summary === null) return { kind: 'fresh', why: 'It had grown too long.', failed: false }
    replaceBySummary(plan, talk, summary, await openingOf(input))
    plan.report({ kind: 'event', type: 'compacted', text: 'The conversation was summarized and continues.' })
    return { kind: 'go_on' }
  }
  const reason = end.kind === 'stopped' ? end.reason : null
  if (answerStop(plan, talk, reason)) return { kind: 'go_on' }
  if (reason === 'refusal') return { kind: 'failed', error: 'The model refused to work on this plan.' }
  if (reason === 'model_context_window_exceeded')
    return { kind: 'fresh', why: 'It had outgrown the window of the model.', failed: true }
  // The model does not call finish, so its last words serve as the summary.
  const summary = lastWords(talk.messages)
  const verdict = await input.requestFinish(summary)
  if (verdict.kind !== 'rejected') return { kind: 'finished', summary }
  say(plan, talk, { role: 'user', content: [toText(verdict.text)] })
  return { kind: 'go_on' }
}

/** Thrown when no further conversation would help. */
class GivenUp extends Error {
  override name = 'GivenUp'
}

/** Returns a function that begins the next conversation. Errors: it throws GivenUp, with a text for the person, at a limit. */
async function createNextConversation({ plan, ...rest }: LoopInput, limits: Limits, shape: string) {
  let mark = (await checkoutState(plan.git)).mark
  let idle = 0
  let failed = 0
  return async (last: { why: string; failed: boolean }): Promise<Conversation> => {
    plan.journal.append({ kind: 'conversation_ended', why: clipText(last.why, 1_000) })
    const now = (await checkoutState(plan.git)).mark
    idle = now === mark ? idle + 1 : 0
    failed = last.failed ? failed + 1 : 0
    mark = now
    if (idle >= limits.idleIterations)
      throw new GivenUp(`${idle} conversations in a row changed nothing. How the last one ended: ${last.why}`)
    if (failed >= limits.failedIterations)
      throw new GivenUp(`${failed} conversations in a row failed. How the last one ended: ${last.why}`)
    const talk = await begin({ plan, ...rest }, shape)
    if (talk.iteration > limits.iterations)
      throw new GivenUp(`The plan was not finished in ${limits.iterations} conversations.`)
    plan.report({ kind: 'event', type: 'iteration', text: `Conversation ${talk.iteration} begins.` })
    return talk
  }
}
