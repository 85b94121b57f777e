// Detects when the work goes round in circles. Pure. The first time a pattern is seen, the model gets one nudge. The second time in
// the same conversation, that conversation ends as stuck. The thresholds are those of other agents' stuck detectors.
const SAME_RESULT = 4
const SAME_ERROR = 3
const ALTERNATING = 6
const EDITS_WITHOUT_CHECK = 8
const TURNS_WITHOUT_CHANGE = 15

export interface WatchedCall {
  name: string
  /** The call and its result, each as one string: equal calls and equal results give equal strings. */
  asked: string
  answer: string
  failed: boolean
  /** The file that an edit or write changed; null for other calls. */
  changed: string | null
  /** True for a command that checks something and passed. */
  passedCheck: boolean
}

export interface WatchedTurn {
  calls: WatchedCall[]
  /** Mark of the checkout; it changes whenever the checkout changes. */
  state: string
}

export type StuckPattern =
  | 'same_call_same_result'
  | 'same_call_fails'
  | 'two_calls_in_turn'
  | 'one_file_over_and_over'
  | 'nothing_changes'
export type StuckVerdict = { kind: 'go'; pattern: null } | { kind: 'nudge' | 'stuck'; pattern: StuckPattern }

export interface StuckDetector {
  afterTurn(turn: WatchedTurn): StuckVerdict
}

/** Creates the detector for one conversation. */
export function createStuckDetector(): StuckDetector {
  const nudged = new Set<StuckPattern>()
  let calls: WatchedCall[] = []
  let edits = new Map<string, number>()
  let state: string | null = null
  let turnsUnchanged = 0

  const find = (): StuckPattern | null => {
    if (
      isSame(calls, SAME_ERROR, (call) => call.asked) &&
      calls.slice(-SAME_ERROR).every(({ failed }) => failed)
    )
      return 'same_call_fails'
    if (isSame(calls, SAME_RESULT, whole)) return 'same_call_same_result'
    if (isAlternating(calls.slice(-ALTERNATING))) return 'two_calls_in_turn'
    if ([...edits.values()].some((count) => count > EDITS_WITHOUT_CHECK)) return 'one_file_over_and_over'
    return turnsUnchanged >= TURNS_WITHOUT_CHANGE ? 'nothing_changes' : null
  }

  return {
    afterTurn(turn) {
      calls = [...calls, ...turn.calls].slice(-ALTERNATING)
      for (const { changed, passedCheck } of turn.calls) {
        if (passedCheck) edits = new Map()
        if (changed !== null) edits.set(changed, (edits.get(changed) ?? 0) + 1)
      }
      turnsUnchanged = turn.state === state ? turnsUnchanged + 1 : 0
      state = turn.state
      const pattern = find()
      if (pattern === null) return { kind: 'go', pattern }
      if (nudged.has(pattern)) return { kind: 'stuck', pattern }
      nudged.add(pattern)
      // Counting starts again, so that the model has time to follow the nudge.
      calls = []
      edits = new Map()
      turnsUnchanged = 0
      return { kind: 'nudge', pattern }
    },
  }
}

const whole = (call: WatchedCall): string => `${call.asked}\n${call.answer}`

function isSame(calls: WatchedCall[], count: number, key: (call: WatchedCall) => string): boolean {
  const last = calls.slice(-count)
  return last.length === count && new Set(last.map(key)).size === 1
}

function isAlternating(calls: WatchedCall[]): boolean {
  if (calls.length < ALTERNATING) return false
  const keys = calls.map(whole)
  return keys[0] !== keys[1] && keys.every((key, index) => key === keys[index % 2])
}

/** What the model is told, once per pattern and conversation. */
export const PATTERN_NUDGES: Record<StuckPattern, string> = {
  same_call_same_result: `You made the same call ${SAME_RESULT} times and got the same result. It will not change: use what it told you, or do something else.`,
  same_call_fails: `The same call failed ${SAME_ERROR} times in a row. Read the error, find its cause, and try another way.`,
  two_calls_in_turn:
    'You go back and forth between the same two calls with the same results. Step back: what do they tell you, and what is the next thing to change?',
  one_file_over_and_over: `You edited the same file more than ${EDITS_WITHOUT_CHECK} times without a check that passed. Stop editing: run the smallest check that shows the fault, read it, and write down what you expect before the next change.`,
  nothing_changes: `Nothing in the checkout has changed for ${TURNS_WITHOUT_CHANGE} turns. If you know enough, make the change now; if the plan is carried out, call finish.`,
}
