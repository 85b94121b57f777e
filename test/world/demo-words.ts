// What the demo prints: a line for each step with its time, and a diff in the colours of git.
import { styleText } from 'node:util'

/** Characters shown of an event. With time and type the line stays under 100 columns. */
const MAX_DETAIL = 74

type Say = (title: string, detail?: string) => void

const startedMs = Date.now()
export const seconds = (): string => `${((Date.now() - startedMs) / 1_000).toFixed(1)} s`
export const dim = (text: string): string => styleText('dim', text)
export const good = (text: string): string => styleText('green', styleText('bold', text))

export const say: Say = (title, detail = '') => {
  const line = `${dim(seconds().padStart(7))}  ${styleText('bold', title)}`
  console.log(`${line}${detail === '' ? '' : `  ${detail}`}`)
}

/** An event of a plan's history. */
export function sayEvent(type: string, text: string): void {
  const about = text.replaceAll(/\s+/g, ' ')
  const short = about.length > MAX_DETAIL ? `${about.slice(0, MAX_DETAIL)}…` : about
  say(`  ${styleText('cyan', type.padEnd(9))}`, dim(short))
}

/** Below a step, in the column of its words. */
export const show = (text: string): void =>
  console.log(
    text
      .trimEnd()
      .split('\n')
      .map((line) => `             ${line}`)
      .join('\n'),
  )

export const coloured = (diff: string): string =>
  diff
    .split('\n')
    .map((line) => {
      if (/^\+(?!\+)/.test(line)) return styleText('green', line)
      if (/^-(?!-)/.test(line)) return styleText('red', line)
      if (line.startsWith('@@')) return styleText('cyan', line)
      return /^(?:diff|index|new|---|\+\+\+)/.test(line) ? dim(line) : line
    })
    .join('\n')
