// Asks the person questions. A secret is read without an echo and never printed. Without a terminal, lines come from standard
// input, so that a script can answer too.
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { DeployError } from './errors.ts'

export interface Terminal {
  say: (text?: string) => void
  /**
   * Returns the answer without spaces around it; '' for a bare Enter. Throws Interrupted at Ctrl-C, DeployError at the end of
   * input.
   */
  ask: (question: string, kind: 'plain' | 'secret') => Promise<string>
  close: () => void
}

export class Interrupted extends Error {
  override name = 'Interrupted'
}

export function openTerminal(): Terminal {
  const lines = process.stdin.isTTY ? null : lineReader()
  return {
    say: (text = '') => console.log(text),
    ask: (question, kind) =>
      lines === null ? askTty(question, kind === 'secret') : askPipe(lines, question),
    close: () => lines?.close(),
  }
}

interface LineReader {
  next(): Promise<string | null>
  close(): void
}

function lineReader(): LineReader {
  const reader: Interface = createInterface({ input: process.stdin })
  const iterator = reader[Symbol.asyncIterator]()
  return {
    async next() {
      const { done, value } = await iterator.next()
      return done === true ? null : value
    },
    close: () => reader.close(),
  }
}

async function askPipe(lines: LineReader, question: string): Promise<string> {
  process.stdout.write(`${question} `)
  const line = await lines.next()
  process.stdout.write('\n')
  if (line === null)
    throw new DeployError(
      'There is no terminal to ask on, and standard input has ended. Set what is missing in the environment.',
    )
  return line.trim()
}

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

/** Uses raw mode, because the terminal itself would show what is typed. A pasted line arrives as one piece. */
function askTty(question: string, isSecret: boolean): Promise<string> {
  const { stdin, stdout } = process
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let typed = ''
  // Raw mode is set before the question is shown: otherwise a quick paste would be visible, and a quick Ctrl-C would end us
  // without a message.
  stdin.setRawMode(true)
  stdout.write(`${question} `)
  stdin.setEncoding('utf8')
  stdin.resume()
  const end = (settle: () => void) => {
    stdin.off('data', onData)
    stdin.setRawMode(false)
    stdin.pause()
    stdout.write('\n')
    settle()
  }
  const onData = (chunk: string) => {
    // A terminal marks a paste with escape sequences; none of them belongs to an answer.
    // eslint-disable-next-line no-control-regex
    for (const char of chunk.replaceAll(/\u001B\[[0-9;?]*[A-Za-z~]/g, '')) {
      if (char === CTRL_C || (char === CTRL_D && typed === '')) return end(() => reject(new Interrupted()))
      if (char === '\r' || char === '\n') return end(() => resolve(typed.trim()))
      if (char === '\u007F' || char === '\b') {
        if (typed !== '' && !isSecret) stdout.write('\b \b')
        typed = typed.slice(0, -1)
      } else if (char >= ' ') {
        typed += char
        if (!isSecret) stdout.write(char)
      }
    }
  }
  stdin.on('data', onData)
  return promise
}
