// The work on a plan, from the top: one conversation with the model after another, each fresh, until the finish gate takes the
// work or something ends it. What one turn does stands in iteration.ts, what a conversation is in conversation.ts.
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
import { createModelClient, judgeModelError } from '../model/client.ts'
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

/** Works until the gate takes the work, the model asks, or nothing goes on. Errors: PauseError, RevokedError. */
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
  const fresh = await createSuccession(input, limits, shape)

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
      // What git says is no trouble with the model: the process starts again, and the checkout with it where it is gone.
      if (error instanceof GitError || isDiskFull(error)) throw error
      if (error instanceof PauseError || error instanceof RevokedError) throw error
      if (error instanceof GivenUp) return { kind: 'failed', error: error.message }
      if (talk.messages.length > messagesBefore) patience.rest()
      const trouble = judgeModelError(error)
      if (trouble.kind !== 'refused') await patience.endure(trouble)
      else if (isAboutSettings(trouble.detail) && settings?.isPlain === false)
        settings = plainSettings(settings)
      // A resumed or long conversation may be refused for its history; a fresh one is not.
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
  }
}

/** The words of the API for a field a model does not take; a broken history names thinking too and is something else. */
function isAboutSettings(detail: string): boolean {
  return /(?:thinking|effort|output_config).{0,80}(?:not supported|not permitted|unsupported)/i.test(detail)
}

type Next = LoopEnd | { kind: 'go_on' } | { kind: 'fresh'; why: string; failed: boolean }

/** What comes after the turns of a conversation. */
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
    plan.report({ kind: 'event', type: 'compacted', text: 'The conversation was summed up and goes on.' })
    return { kind: 'go_on' }
  }
  const reason = end.kind === 'stopped' ? end.reason : null
  if (answerStop(plan, talk, reason)) return { kind: 'go_on' }
  if (reason === 'refusal') return { kind: 'failed', error: 'The model refused to work on this plan.' }
  if (reason === 'model_context_window_exceeded')
    return { kind: 'fresh', why: 'It had outgrown the window of the model.', failed: true }
  // It will not call finish: its last words stand for it.
  const summary = lastWords(talk.messages)
  const verdict = await input.requestFinish(summary)
  if (verdict.kind !== 'rejected') return { kind: 'finished', summary }
  say(plan, talk, { role: 'user', content: [toText(verdict.text)] })
  return { kind: 'go_on' }
}

/** No further conversation would help. */
class GivenUp extends Error {
  override name = 'GivenUp'
}

/** Begins the next conversation, or gives up by the limits. Errors: GivenUp with the words for the person. */
async function createSuccession({ plan, ...rest }: LoopInput, limits: Limits, shape: string) {
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
      throw new GivenUp(`${idle} conversations in a row changed nothing. The last one ended so: ${last.why}`)
    if (failed >= limits.failedIterations)
      throw new GivenUp(`${failed} conversations in a row failed. The last one ended so: ${last.why}`)
    const talk = await begin({ plan, ...rest }, shape)
    if (talk.iteration > limits.iterations)
      throw new GivenUp(`The plan was not finished in ${limits.iterations} conversations.`)
    plan.report({ kind: 'event', type: 'iteration', text: `Conversation ${talk.iteration} begins.` })
    return talk
  }
}
