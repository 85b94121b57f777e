// Adds arguments to a check's command where the environment does not reach its runner. Only the last simple command of a text is
// changed, and only when nothing about it is unclear. Pure.

export interface Asked {
  command: string
  /** Writes its tests as JSON into the output, which must be shown as text. */
  goJson: { isVerbose: boolean } | null
  /** The report that was asked for with arguments. */
  report: { file: string; form: 'jest' | 'vitest' | 'junit' } | null
  /** The arguments that were added at the end; empty when there are none. */
  added: string
}

/** Returns what it means to add nothing. */
export const askedNothing = (command: string): Asked => ({ command, goJson: null, report: null, added: '' })

/** The scripts of the package.json that the command's package manager reads, as they are at the base. */
export type Scripts = Readonly<Record<string, string>>

const UNCLEAR = new Set(['|', '&', '(', ')', '`', '<', '>'])
/** Programs that only start the program after them. */
const STARTERS = new Set(['env', 'cross-env', 'exec', 'time', 'npx', 'corepack', 'bundle', 'dotenv'])
const GO_OTHER = /^--?(?:c|n|h|help|json|list|bench|fuzz|exec|o)(?:=|$)/

/** Returns the command that asks; the same command when there is nothing to add. `quoted` is a folder's name for the shell. */
export function appendArguments(command: string, scripts: Scripts, quoted: (name: string) => string): Asked {
  const same = askedNothing(command)
  const last = lastCommand(command)
  if (last === null) return same
  const { program, args } = last
  if (program === 'go' && args[0] === 'test') {
    if (args.some((arg) => GO_OTHER.test(arg))) return same
    const isVerbose = args.some((arg) => /^--?v(?:=true|=test2json)?$/.test(arg))
    const at = command.slice(last.start).search(/\bgo\s+test\b/) + last.start
    const asking = command.slice(at).replace(/^go\s+test/, '$& -json')
    return { ...same, command: command.slice(0, at) + asking, goJson: { isVerbose } }
  }
  const script = scriptOf(last, scripts)
  if (script === null) return withReport(command, last, command, quoted, ' ')
  const inner = lastCommand(script)
  // npm takes options before `--` for its own; pnpm, yarn and bun pass everything on.
  const gap = program === 'npm' && !args.includes('--') ? ' -- ' : ' '
  return inner === null ? same : withReport(command, inner, `${command}\n${script}`, quoted, gap)
}

function withReport(
  command: string,
  { program, args }: LastCommand,
  text: string,
  quoted: (name: string) => string,
  gap: string,
): Asked {
  const same = askedNothing(command)
  // Elsewhere the file that NODE_OPTIONS names listens.
  const isUnheard = /\bNODE_OPTIONS=/.test(text)
  const has = (pattern: RegExp) => args.some((arg) => pattern.test(arg))
  const asked = (file: string, form: 'jest' | 'vitest' | 'junit', words: string): Asked => {
    const added = `${words}${quoted(file)}`
    return { ...same, command: `${command.trimEnd()}${gap}${added}`, report: { file, form }, added }
  }
  if (program === 'phpunit' && !has(/^--(?:log-|list|version|help)/))
    return asked('phpunit.xml', 'junit', '--log-junit ')
  if (program === 'jest' && isUnheard && !has(/^--(?:json|outputFile|listTests|showConfig|version|help)/))
    return asked('jest.json', 'jest', '--json --outputFile=')
  const isRun = args[0] === undefined || args[0] === 'run' || args[0].startsWith('-')
  if (program === 'vitest' && isRun && isUnheard && !has(/^--(?:outputFile|reporter|version|help|merge)/i))
    return asked('vitest.json', 'vitest', '--reporter=default --reporter=json --outputFile.json=')
  return same
}

/** Returns the text of the script that the command runs; null when it runs none. */
function scriptOf({ program, args }: LastCommand, scripts: Scripts): string | null {
  if (!['npm', 'pnpm', 'yarn', 'bun'].includes(program)) return null
  const [first = '', second = ''] = args
  if (
    args.some((arg) =>
      /^(?:-w|-r|-F|-C|--workspaces?|--recursive|--filter|--prefix|--cwd|--dir)(?:=|$)/.test(arg),
    )
  )
    return null
  const isRun = first === 'run' || first === 'run-script'
  if (!isRun && program === 'bun') return null
  const name = isRun ? second : first === 't' || first === 'tst' ? 'test' : first
  return Object.hasOwn(scripts, name) ? (scripts[name] ?? null) : null
}

interface LastCommand {
  start: number
  program: string
  args: string[]
}

/** Returns the last simple command of a shell text; null when it is part of a pipe, a group or anything else that is unclear. */
function lastCommand(text: string): LastCommand | null {
  let start = 0
  let isUnclear = false
  let words: string[] = []
  let word = ''
  const endWord = (): void => {
    if (word !== '') words.push(word)
    word = ''
  }
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? ''
    const pair = text.slice(at, at + 2)
    if (char === '\\') {
      word += text[at + 1] ?? ''
      at += 1
    } else if (char === "'" || char === '"') {
      const end = endOfQuote(text, at)
      if (end === null) return null
      const inside = text.slice(at + 1, end)
      if (char === '"' && /`|\$\(/.test(inside)) isUnclear = true
      word += inside
      at = end
    } else if (pair === '&&' || pair === '||' || char === ';' || char === '\n') {
      endWord()
      if (pair === '&&' || pair === '||') at += 1
      // White space and an empty command at the end change nothing.
      if (text.slice(at + 1).trim() === '') return null
      start = at + 1
      isUnclear = false
      words = []
    } else if (/\s/.test(char)) endWord()
    else {
      if (UNCLEAR.has(char) || (char === '#' && word === '')) isUnclear = true
      word += char
    }
  }
  endWord()
  if (isUnclear) return null
  while (/^\w+=/.test(words[0] ?? '') || STARTERS.has(words[0] ?? '')) {
    words.shift()
    while (words[0]?.startsWith('-')) words.shift()
  }
  const [program, ...args] = words
  return program === undefined ? null : { start, program: program.split('/').at(-1) ?? '', args }
}

function endOfQuote(text: string, start: number): number | null {
  const quote = text[start] ?? ''
  for (let at = start + 1; at < text.length; at += 1) {
    if (quote === '"' && text[at] === '\\') at += 1
    else if (text[at] === quote) return at
  }
  return null
}
