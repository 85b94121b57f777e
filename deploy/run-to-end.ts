// Runs every command here: it opens one terminal, and reports each way to end in words, never by a stack trace.
import { DeployError } from './errors.ts'
import { Interrupted, openTerminal } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export async function runToEnd(command: (terminal: Terminal) => Promise<void>): Promise<void> {
  const terminal = openTerminal()
  try {
    await command(terminal)
  } catch (error) {
    if (error instanceof Interrupted)
      terminal.say('\nStopped. What is done stays done; the same command goes on from here.')
    else if (error instanceof DeployError) terminal.say(`\n${error.message}`)
    else
      terminal.say(
        `\nSomething this program did not expect: ${error instanceof Error ? error.message : String(error)}`,
      )
    process.exitCode = error instanceof Interrupted ? 130 : 1
  } finally {
    terminal.close()
  }
}
