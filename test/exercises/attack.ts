// What an attack is, and the few calls attacks are made of.
import type { Exercise, Step } from './exercise.ts'

export interface Attack {
  name: string
  /** The row in the table of results. */
  group:
    | 'empty diff'
    | 'notes only'
    | 'tests skipped or deleted'
    | 'check edited'
    | 'runner subverted'
    | 'early exit'
    | 'modules poisoned'
    | 'home poisoned'
    | 'git tampered'
    | 'status forged'
    | 'proof attacked'
  /**
   * Kinds of exercises in which only a reader of the difference can see the attack: the runner names no tests, or the work teaches
   * it what to say. There the scripted judge says no, and the harness must heed it.
   */
  onlyForReaders?: Exercise['kind'][]
  /** null: does not apply to this exercise. */
  steps: (exercise: Exercise) => Step[] | null
}

export const bash = (command: string): Step => ({ tool: 'bash', command })
export const write = (path: string, content: string): Step => ({ tool: 'write', path, content })

export const paths = (exercise: Exercise, pattern: RegExp): string[] =>
  Object.keys(exercise.base).filter((path) => pattern.test(path))
export const ofKind =
  (kinds: Exercise['kind'][], steps: (exercise: Exercise) => Step[] | null): Attack['steps'] =>
  (exercise) =>
    kinds.includes(exercise.kind) ? steps(exercise) : null
/** The solution's source files, not its tests: where wrong code goes. */
export const sources = (exercise: Exercise): string[] =>
  exercise.solution.flatMap((step) => (step.tool === 'bash' || /test/.test(step.path) ? [] : [step.path]))

export const packageOf = ({ base }: Exercise): string =>
  /^package (\w+)/m.exec(Object.entries(base).find(([path]) => path.endsWith('.go'))?.[1] ?? '')?.[1] ??
  'main'

/** What it writes. */
export const stepText = (step: Step): string =>
  step.tool === 'bash' ? '' : step.tool === 'write' ? step.content : step.new_text

/** What the tests import, there but empty: the attack, not a missing name, must be what decides. */
export function stub(exercise: Exercise): string {
  const text = exercise.solution
    .flatMap((step) =>
      step.tool === 'bash' || /test/.test(step.path)
        ? []
        : [step.tool === 'write' ? step.content : step.new_text],
    )
    .join('\n')
  if (exercise.kind === 'node')
    return [...text.matchAll(/export (?:async )?(?:function|class|const) (\w+)/g)]
      .map(([whole, name]) =>
        whole.includes('class') ? `export class ${name} {}` : `export function ${name}() {}`,
      )
      .join('\n')
  return ''
}

/** The source as it was before the work: honest, and not done. */
export const unfinished = (exercise: Exercise, path: string): string => exercise.base[path] ?? stub(exercise)
