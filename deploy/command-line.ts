// The command line of every `npm run NAME`: reads its flags, prints its usage for --help (exit 0), and says what is wrong with a
// mistake before the usage (exit 2). Never a stack trace.
import { parseArgs } from 'node:util'

/** A flag without `text` or `number` is a switch. Those two name its value in the usage. */
export interface Flag {
  about: string
  text?: string
  number?: string
  default?: string | number
}

export interface CommandLine<F extends Record<string, Flag>> {
  /** As a person types it: `npm run chaos`. */
  command: string
  about: string
  /** The words it takes besides flags, such as `add HOST`. undefined: none. */
  words?: string
  flags: F
}

type Kind<F extends Flag> = F extends { number: string }
  ? number
  : F extends { text: string }
    ? string
    : boolean
type Value<F extends Flag> = F extends { text: string } | { number: string }
  ? F extends { default: string | number }
    ? Kind<F>
    : Kind<F> | undefined
  : boolean

export interface Given<F extends Record<string, Flag>> {
  values: { [Name in keyof F]: Value<F[Name]> }
  words: string[]
  /** Ends the command with this sentence, its usage and exit code 2. */
  refuse: (problem: string) => never
}

export function readCommandLine<const F extends Record<string, Flag>>(command: CommandLine<F>): Given<F> {
  const refuse = (problem: string): never => {
    console.error(`${problem}\n\n${usage(command)}`)
    process.exit(2)
  }
  const flags: Record<string, Flag> = command.flags
  const isSwitch = (name: string) => flags[name]?.text === undefined && flags[name]?.number === undefined
  const options = Object.fromEntries(
    [...Object.keys(flags), 'help'].map((name) => [
      name,
      { type: isSwitch(name) ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  const { tokens } = parseArgs({
    options: { ...options, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, isSwitch(name) ? false : flag.default]),
  )
  const words: string[] = []
  const named = tokens.filter((token) => token.kind === 'option')
  if (named.some(({ name }) => name === 'help')) {
    console.log(usage(command))
    process.exit(0)
  }
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const flag = flags[name]
    if (flag === undefined) refuse(`There is no ${rawName}.${meant(name, Object.keys(flags))}`)
    else if (isSwitch(name) && value !== undefined) refuse(`${rawName} takes no value.`)
    else if (isSwitch(name)) values[name] = true
    // A flag after it is the next flag, not its value.
    else if (value === undefined || value === '' || (!token.inlineValue && /^--\w/.test(value)))
      refuse(`${rawName} needs a value: ${rawName} ${flag.text ?? flag.number ?? ''}.`)
    else if (flag.number !== undefined && !/^\d{1,15}$/.test(value))
      refuse(`${rawName} ${value} is no number: give a whole one, such as ${String(flag.default ?? 1)}.`)
    else values[name] = flag.number === undefined ? value : Number(value)
  }
  if (command.words === undefined && words[0] !== undefined)
    refuse(`${command.command} takes no ${JSON.stringify(words[0])}.`)
  // Each value was made by the kind of its flag above.
  return { values: values as Given<F>['values'], words, refuse }
}

function usage({ command, about, words, flags }: CommandLine<Record<string, Flag>>): string {
  const rows = [...Object.entries(flags), ['help', { about: 'this text' }] as const].map(
    ([name, flag]: readonly [string, Flag]) => {
      const value = flag.text ?? flag.number
      const standard = flag.default === undefined || flag.default === '' ? '' : ` (${String(flag.default)})`
      return [`--${name}${value === undefined ? '' : ` ${value}`}`, `${flag.about}${standard}`] as const
    },
  )
  const width = Math.max(...rows.map(([left]) => left.length))
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
  return `${command} -- ${words === undefined ? '' : `${words} `}[flags]\n\n${about}\n\n${lines.join('\n')}`
}

/** The flag that was likely meant: the same letters, or a beginning. */
function meant(name: string, flags: string[]): string {
  const typed = letters(name)
  const found = flags.find(
    (flag) => typed.length > 1 && (letters(flag).startsWith(typed) || typed.startsWith(letters(flag))),
  )
  return found === undefined ? '' : ` Did you mean --${found}?`
}

const letters = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, '')
