// A sequence of steps and its ending, made from a seed alone: the same seed is always the same sequence. Pure.
import { dice } from '../../fuzz/cases.ts'
import { KINDS } from './kinds.ts'
import type { Kind } from './kind.ts'

export interface Step {
  /** Its place in the whole sequence. It stays when other steps are left out. */
  n: number
  name: string
  shell: string
  open?: string
}

const ENDINGS = [
  'finish',
  'question',
  'budget',
  'cancel',
  'kill the plan',
  'kill the supervisor',
  'kill at the push',
] as const
type Ending = (typeof ENDINGS)[number]

export interface Sequence {
  seed: number
  steps: Step[]
  ending: Ending
}

const MAX_STEPS = 6

/** kinds: those that may be drawn. */
export function makeSequence(seed: number, kinds: readonly Kind[] = KINDS): Sequence {
  const roll = dice(seed)
  const drawn = kinds.flatMap((kind) => Array.from<Kind>({ length: kind.weight ?? 1 }).fill(kind))
  const ending = ENDINGS[roll(ENDINGS.length)] ?? 'finish'
  const steps = Array.from({ length: 1 + roll(MAX_STEPS) }, (_, at) => {
    const kind = drawn[roll(drawn.length)]
    const n = at + 1
    const { name = 'nothing', open } = kind ?? {}
    return { n, name, shell: kind?.shell(n, roll) ?? ':', ...(open === undefined ? {} : { open }) }
  })
  return { seed, steps, ending }
}

/** As it is replayed: the seed, and the steps that are left of it. */
export const nameOf = ({ seed, steps }: Sequence): string => `${seed}:${steps.map(({ n }) => n).join(',')}`

/** Reads nameOf()'s words: `SEED`, or `SEED:STEP,STEP`. */
export function readName(words: string): Sequence {
  const [seed = '', left] = words.split(':')
  const whole = makeSequence(Number(seed))
  if (left === undefined) return whole
  const kept = new Set(left.split(',').map(Number))
  return { ...whole, steps: whole.steps.filter(({ n }) => kept.has(n)) }
}

export const describe = ({ steps, ending }: Sequence): string =>
  [...steps.map(({ name }) => name), ending].join(', ')

const WAITS_FOR_KILL = 'touch ~/at-end; for i in $(seq 600); do [ -e ~/go-end ] && break; sleep 0.1; done'

/** The plan's text: a block for each step, with a look at the checkout before and after it. What a step prints is no word of ours. */
export function planText(sequence: Sequence, lookScript: string): string {
  const { seed, steps, ending } = sequence
  const blocks = steps.map(
    ({ n, shell }) =>
      `sh ${lookScript} ${n}-before\n(\n${shell}\n) > /dev/null 2>&1\nsh ${lookScript} ${n}-after`,
  )
  const last = `sh ${lookScript} end${ending === 'finish' ? '' : endingShell(ending)}`
  const sh = [...blocks, last].map((text) => `\`\`\`sh\n${text}\n\`\`\`\n\n`).join('')
  const ask = ending === 'question' ? '```model\n{"ask":"Shall I go on?"}\n```\n\n' : ''
  return `Walk ${seed}\n\n${sh}${ask}`
}

const endingShell = (ending: Ending): string =>
  ending === 'cancel' || ending === 'kill the plan' || ending === 'kill the supervisor'
    ? `\n${WAITS_FOR_KILL}`
    : ''
