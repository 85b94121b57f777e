// A run of a program as a terminal shows it: its coloured lines, each with the moment it came.
import { spawn } from 'node:child_process'

export interface Run {
  text: string
  isBold: boolean
  isDim: boolean
  colour: 'plain' | 'green' | 'cyan' | 'red'
}

export interface Line {
  atMs: number
  runs: Run[]
}

const COLOURS: Record<string, Run['colour']> = { '31': 'red', '32': 'green', '36': 'cyan', '39': 'plain' }

/** Errors: what the program said, when it does not end with 0. */
export async function record(command: string, args: string[]): Promise<Line[]> {
  const startedMs = Date.now()
  const child = spawn(command, args, {
    env: { ...process.env, FORCE_COLOR: '1', NO_COLOR: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: Line[] = []
  let rest = ''
  let errors = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    const parts = `${rest}${chunk}`.split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) lines.push({ atMs: Date.now() - startedMs, runs: runsOf(part) })
  })
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const { promise, resolve } = Promise.withResolvers<number | null>()
  child.once('close', resolve)
  const code = await promise
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}:\n${errors}`)
  return lines
}

/** The runs of one style in a line with the escape sequences of colours. */
export function runsOf(line: string): Run[] {
  const runs: Run[] = []
  let style: Omit<Run, 'text'> = { isBold: false, isDim: false, colour: 'plain' }
  // eslint-disable-next-line no-control-regex -- the escape that begins a colour
  for (const part of line.split(/(\u001B\[\d+m)/)) {
    // eslint-disable-next-line no-control-regex
    const code = /^\u001B\[(\d+)m$/.exec(part)?.[1]
    if (code === undefined) {
      if (part !== '') runs.push({ text: part, ...style })
    } else if (code === '1') style = { ...style, isBold: true }
    else if (code === '2') style = { ...style, isDim: true }
    else if (code === '22') style = { ...style, isBold: false, isDim: false }
    else style = { ...style, colour: COLOURS[code] ?? style.colour }
  }
  return runs
}
