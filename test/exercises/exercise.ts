// One exercise: a repository, a plan, its check, a right solution and a hidden reference, in one text file (cases/*.txtar):
// `key: value` lines, then sections `-- path --`, each up to the next. Sections:
//   plan.md            what the plan says; the solution follows it as scripted tool calls
//   base/...           the repository before the work
//   solution/...       files of the right solution, whole; those that exist in the base become edits
//   solution.sh        a bash call after them (moves, deletions); may be absent
//   reference.{mjs,py,go}  the hidden check, run outside the agent on what was pushed
//   wrong/{name}/...   a wrong solution made by hand: files laid over the right ones
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Head = z.object({
  kind: z.enum(['node', 'python', 'go', 'shell', 'obsidian', 'documents']),
  /** Where the agent finds the check: declared with the plan, .ralph/checks.sh, or by looking at the repository. */
  source: z.enum(['declared', 'repository', 'detected']),
  /** The declared check; with other sources what a person would run, for the exercise's own test. */
  check: z.string(),
})
export type Kind = z.infer<typeof Head>['kind']

export type Step =
  | { tool: 'write'; path: string; content: string }
  | { tool: 'edit'; path: string; old_text: string; new_text: string }
  | { tool: 'bash'; command: string }

export interface Exercise extends z.infer<typeof Head> {
  name: string
  plan: string
  base: Record<string, string>
  solution: Step[]
  reference: { language: 'mjs' | 'py' | 'go'; code: string }
  wrong: { name: string; steps: Step[] }[]
}

export function loadExercises(): Exercise[] {
  const folder = join(import.meta.dirname, 'cases')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.txtar'))
    .toSorted()
    .map((file) => parseExercise(file.replace('.txtar', ''), readFileSync(join(folder, file), 'utf8')))
}

/** Errors: throws with the exercise's name when a part is missing. */
export function parseExercise(name: string, text: string): Exercise {
  const { head, sections } = parseArchive(text)
  const parsed = Head.safeParse(head)
  if (!parsed.success) throw new Error(`exercise ${name}: ${z.prettifyError(parsed.error)}`)
  const [referenceFile, code] = Object.entries(sections).find(([path]) => path.startsWith('reference.')) ?? []
  const language = z.enum(['mjs', 'py', 'go']).safeParse(referenceFile?.split('.')[1])
  const plan = sections['plan.md']
  if (code === undefined || !language.success || plan === undefined)
    throw new Error(`exercise ${name}: plan.md or reference.{mjs,py,go} is missing`)
  const base = below(sections, 'base/')
  const right = below(sections, 'solution/')
  const after: Step[] =
    sections['solution.sh'] === undefined ? [] : [{ tool: 'bash', command: sections['solution.sh'] }]
  const wrong = Object.entries(Object.groupBy(wrongPaths(sections), (path) => path.split('/')[1] ?? ''))
  return {
    ...parsed.data,
    name,
    plan,
    base,
    solution: [...toSteps(base, right), ...after],
    reference: { language: language.data, code },
    wrong: wrong.map(([title]) => ({
      name: title,
      steps: [...toSteps(base, { ...right, ...below(sections, `wrong/${title}/`) }), ...after],
    })),
  }
}

const wrongPaths = (sections: Record<string, string>): string[] =>
  Object.keys(sections).filter((path) => path.startsWith('wrong/'))

function parseArchive(text: string): { head: Record<string, string>; sections: Record<string, string> } {
  const [intro = '', ...parts] = text.split(/^-- (.+) --\n/m)
  const head = Object.fromEntries(
    intro
      .split('\n')
      .filter((line) => line.includes(': '))
      .map((line): [string, string] => [
        line.slice(0, line.indexOf(': ')),
        line.slice(line.indexOf(': ') + 2),
      ]),
  )
  const sections: Record<string, string> = {}
  for (let at = 0; at < parts.length; at += 2) sections[parts[at] ?? ''] = parts[at + 1] ?? ''
  return { head, sections }
}

function below(sections: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sections).flatMap(([path, content]) =>
      path.startsWith(prefix) ? [[path.slice(prefix.length), content]] : [],
    ),
  )
}

function toSteps(base: Record<string, string>, files: Record<string, string>): Step[] {
  return Object.entries(files).map(([path, content]) => {
    const before = base[path]
    return (before === undefined ? null : toEdit(path, before, content)) ?? { tool: 'write', path, content }
  })
}

/** The smallest run of whole lines that differs, grown until it stands in the file once; null when that is most of the file. */
function toEdit(path: string, before: string, after: string): Step | null {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  let head = 0
  while (head < Math.min(old.length, fresh.length) && old[head] === fresh[head]) head++
  let tail = 0
  while (
    tail < Math.min(old.length, fresh.length) - head &&
    old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]
  )
    tail++
  for (; head > 0 || tail > 0; [head, tail] = [Math.max(0, head - 1), Math.max(0, tail - 1)]) {
    const oldText = old.slice(head, old.length - tail).join('\n')
    if (oldText !== '' && before.split(oldText).length === 2)
      return {
        tool: 'edit',
        path,
        old_text: oldText,
        new_text: fresh.slice(head, fresh.length - tail).join('\n'),
      }
  }
  return null
}
