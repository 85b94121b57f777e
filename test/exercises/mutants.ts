// Wrong solutions derived from the right one by machine: one token, constant or line of what the solution writes is changed.
// Pure and deterministic. Whether a mutant is really wrong is for the reference to say.
import type { Kind, Step } from './exercise.ts'

export interface Mutant {
  name: string
  steps: Step[]
}

const SWAPS: [RegExp, string][] = [
  [/===/g, '!=='],
  [/!==/g, '==='],
  [/(?<![=!<>])==(?!=)/g, '!='],
  [/(?<![<=])<(?![<=/a-zA-Z])/g, '<='],
  [/<=(?!=)/g, '<'],
  [/(?<![>=-])>(?![>=])/g, '>='],
  [/>=/g, '>'],
  [/&&/g, '||'],
  [/\|\|/g, '&&'],
  [/\band\b(?=.*:)/g, 'or'],
  [/\bor\b(?=.*:)/g, 'and'],
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ \* /g, ' / '],
  [/ \+= /g, ' -= '],
  [/ % /g, ' * '],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/\bTrue\b/g, 'False'],
  [/\bFalse\b/g, 'True'],
  [/\bbreak\b/g, 'continue'],
  [/\bcontinue\b/g, 'break'],
  [/\bmin\b/g, 'max'],
  [/\bmax\b/g, 'min'],
  [/(?<![\w.])0(?![\w.])/g, '1'],
  [/(?<![\w.])1(?![\w.])/g, '2'],
  [/(?<![\w.])([2-9]|[1-9]\d+)(?![\w.])/g, '7'],
  [/ -eq /g, ' -ne '],
  [/ -ne /g, ' -eq '],
  [/\bif \(!/g, 'if ('],
  [/\bif not\b/g, 'if'],
  [/\breturn [^\n;]+/g, 'return null'],
]
const WORD_SWAPS: [RegExp, string][] = [
  [/\d(?=\D|$)/g, '9'],
  [/\[\[[^\]\n]+/g, '[[Nowhere'],
  [/: /g, ' '],
  [/,/g, ';'],
  [/^#+ /gm, ''],
  [/\(#[^)]+/g, '(#nowhere'],
  [/"[a-z][^"\n]*"/gi, '"changed"'],
  [/\b[A-Za-z]{5,}\b/g, 'changed'],
]

/** Each changes one place in the text of one step. */
export function deriveMutants(kind: Kind, steps: Step[]): Mutant[] {
  return steps.flatMap((step, at) => {
    if (step.tool === 'bash') return []
    const text = step.tool === 'write' ? step.content : step.new_text
    const unchanged = step.tool === 'write' ? '' : step.old_text
    return changesOf(kind, text)
      .filter(({ line }) => !unchanged.split('\n').includes(line))
      .map(({ text: changed, what }) => ({
        name: `${step.path}: ${what}`,
        steps: steps.with(
          at,
          step.tool === 'write' ? { ...step, content: changed } : { ...step, new_text: changed },
        ),
      }))
  })
}

type Change = { text: string; what: string; line: string }

function changesOf(kind: Kind, text: string): Change[] {
  const isCode = kind !== 'obsidian' && kind !== 'documents'
  const swaps = isCode ? SWAPS : WORD_SWAPS
  const swapped = swaps.flatMap(([pattern, by]) =>
    [...text.matchAll(pattern)].map((match) => {
      const word = kind === 'python' && by === 'return null' ? 'return None' : by
      const changed = text.slice(0, match.index) + word + text.slice(match.index + match[0].length)
      return { text: changed, what: `${match[0].slice(0, 30)} → ${word}`, line: lineAt(text, match.index) }
    }),
  )
  const lines = text.split('\n')
  const dropped = lines.flatMap((line, at) =>
    line.trim().length < 3 || isComment(line)
      ? []
      : [{ text: lines.toSpliced(at, 1).join('\n'), what: `without "${line.trim().slice(0, 30)}"`, line }],
  )
  return [...swapped, ...dropped].filter((change) => change.text !== text && !isComment(change.line))
}

const isComment = (line: string): boolean =>
  /^\s*(\/\/|#!|# |\*|"""|''')/.test(line) && !line.startsWith('# ')

function lineAt(text: string, index: number): string {
  const end = text.indexOf('\n', index)
  return text.slice(text.lastIndexOf('\n', index - 1) + 1, end === -1 ? undefined : end)
}

/** n of them, spread evenly, always the same ones. */
export function spread<T>(all: T[], n: number): T[] {
  return all.length <= n
    ? all
    : Array.from({ length: n }, (_, at) => at)
        .map((at) => all[Math.floor((at * all.length) / n)])
        .filter((one) => one !== undefined)
}
