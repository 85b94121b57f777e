// Turns a script of package.json into shell text that does not read package.json again: `npm run lint && npm test` becomes the
// text of both scripts. Pure. Calls that cannot be resolved (turbo, concurrently, workspaces) stay and are listed.
import { quote } from './detect-shapes.ts'

export interface ResolvedScript {
  text: string
  /** Calls that still read package.json when the script runs. */
  left: string[]
}

type Scripts = Readonly<Record<string, string>>

const MAX_DEPTH = 6
// Matches a call at the start of a command (npm run x, npm test, pnpm x, yarn x, bun run x, node --run x) and its arguments.
const CALL =
  /(^|&&|\|\||[;|(&]|\b(?:then|do|else)\b)(\s*(?:(?:cross-env\s+)?\w+=\S*\s+)*)(npm|pnpm|yarn|bun|node)\s+((?:>&|&>|[^&|;()])+?)(?=\s*(?:$|[&|;()]))/g
const RUN_MANY = /(^|&&|\|\||[;|(&])(\s*)(run-s|run-p|npm-run-all)\s+([^&|;()]+?)(?=\s*(?:$|[&|;()]))/g
const INDIRECT =
  /\b(?:turbo|nx|lerna|wireit|concurrently)\b|\b(?:(?:npm|pnpm|yarn) (?:run|test)|bun run)\b|\bnode --run\b/g
const NPM_SHORT: Readonly<Record<string, string>> = { t: 'test', tst: 'test', test: 'test', start: 'start' }

/** Returns the script's text without watch modes and automatic fixes, because a check must end and change nothing. */
export function resolveScript(scripts: Scripts, name: string): ResolvedScript {
  const left: string[] = []
  const text = expandScript({ scripts, name, args: '', depth: 0, left })
  for (const [call] of text.matchAll(INDIRECT)) left.push(call)
  return { text: withoutWatch(text), left: [...new Set(left)] }
}

interface ExpandInput {
  scripts: Scripts
  name: string
  args: string
  depth: number
  left: string[]
}

function expandScript({ scripts, name, args, depth, left }: ExpandInput): string {
  const parts = [scripts[`pre${name}`], `${scripts[name] ?? ''}${args}`, scripts[`post${name}`]]
  return parts
    .filter((part) => part !== undefined && part.trim() !== '')
    .map((part) => expandCalls(part ?? '', { scripts, depth, left }))
    .join(' && ')
}

function expandCalls(
  text: string,
  { scripts, depth, left }: Pick<ExpandInput, 'scripts' | 'depth' | 'left'>,
): string {
  if (depth >= MAX_DEPTH) {
    left.push('scripts that call each other')
    return text
  }
  const inner = (name: string, args = '') =>
    `(${expandScript({ scripts, name, args, depth: depth + 1, left })})`
  return text
    .replaceAll(CALL, (whole, start: string, space: string, tool: string, rest: string) => {
      const call = parseCall(tool, rest, scripts)
      if (call === 'other') return whole
      if (call === 'unclear') {
        left.push(`${tool} ${rest.trim()}`)
        return whole
      }
      // Shell syntax allows no variables before a group, so the group runs in a shell of its own.
      const group = inner(call.name, call.args)
      return space.trim() === '' ? `${start}${space}${group}` : `${start}${space}sh -c ${quote(group)}`
    })
    .replaceAll(RUN_MANY, (whole, start: string, space: string, tool: string, rest: string) => {
      const words = rest
        .trim()
        .split(/\s+/)
        .filter((word) => !/^-(?:s|l|c|-silent|-sequential|-print-label)$/.test(word))
      if (words.some((word) => word.startsWith('-'))) {
        left.push(`${tool} ${rest.trim()}`)
        return whole
      }
      const names = words.flatMap((word) => Object.keys(scripts).filter((name) => matches(word, name)))
      return `${start}${space}${names.map((name) => inner(name)).join(' && ')}`
    })
}

type Call = { name: string; args: string } | 'other' | 'unclear'

function parseCall(tool: string, rest: string, scripts: Scripts): Call {
  const words = rest.trim().split(/\s+/)
  const flags = words.splice(
    0,
    words.findIndex((word) => !/^(?:-s|--silent|--if-present)$/.test(word)),
  )
  let [first = '', ...others] = words
  if (tool === 'node') {
    if (first !== '--run') return 'other'
    ;[first = '', ...others] = others
  } else if (first === 'run' || first === 'run-script') {
    while (/^(?:-s|--silent|--if-present)$/.test(others[0] ?? '')) others.shift()
    ;[first = '', ...others] = others
  } else if (tool === 'npm') first = NPM_SHORT[first] ?? ''
  // `bun test` always runs bun's own test runner, never the script.
  else if (tool === 'bun') return 'other'
  const isElsewhere = [...flags, first, ...others].some((word) =>
    /^(?:-w|-r|-F|-C|--workspaces?|--recursive|--filter|--prefix|--cwd|--dir|workspaces?)(?:=|$)/.test(word),
  )
  if (isElsewhere) return 'unclear'
  if (scripts[first] === undefined) return 'other'
  const args = others[0] === '--' ? others.slice(1) : others
  return { name: first, args: args.length === 0 ? '' : ` ${args.join(' ')}` }
}

/** `test:*` matches names with one more part, `test:**` with any number of parts. */
function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`)
    .replaceAll('**', '\0')
    .replaceAll('*', '[^:]*')
    .replaceAll('\0', '.*')
  return new RegExp(`^${source}$`).test(name)
}

function withoutWatch(text: string): string {
  return text
    .replaceAll(/\s--(?:watch|watchAll)(?:=true)?(?=\s|$|[)"'])/g, '')
    .replaceAll(/\s--fix(?=\s|$|[)"'])/g, '')
    .replaceAll(/\b(tsc\b[^&|;]*?)\s-w(?=\s|$|[)"'])/g, '$1')
    .replaceAll(/\bvitest(?:\s+watch)?(?=\s*(?:$|&&|\|\||[;|)]))/g, 'vitest run')
}
