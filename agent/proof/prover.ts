// `ralph prove`: root's process for one proof. It is separate from the supervisor, so that its memory is freed afterwards and a
// crash ends only the proof. It keeps no state: if it is killed, the supervisor starts another.
import { join } from 'node:path'
import { clipText } from '../machine/output.ts'
import { readLines, writeLine } from '../machine/plan-pipe.ts'
import type { Typed } from '../machine/plan-pipe.ts'
import { readJson, writeDurably } from '../machine/durable.ts'
import { Baseline } from './baseline.ts'
import { measureBaseline, proveHead } from './proof.ts'
import { ToProver } from '../machine/prover-pipe.ts'
import type { FromProver, ProofOrder } from '../machine/prover-pipe.ts'
import { redactAll } from '../machine/secrets.ts'
import { killShells } from '../machine/shell.ts'
import { createTokenHolder } from '../plan/token.ts'
import type { TokenHolder } from '../plan/token.ts'

export function runProver(): void {
  let token: TokenHolder | null = null
  // The output of the work's own commands may contain secrets.
  const report = (message: Typed<FromProver>): void =>
    writeLine(process.stdout, redactAll(message, token?.all() ?? []))
  process.stdin.on('close', leave)
  process.stdout.on('error', leave)
  readLines(process.stdin, ToProver, (message) => {
    if (message.kind === 'token') token?.set(message.token)
    else if (token === null) {
      token = createTokenHolder({
        token: message.token,
        gitConfigFile: join(message.logs, 'gateway.gitconfig'),
        gatewayUrl: message.url,
      })
      void carryOut(message, token, report).catch((error: unknown) => {
        report({
          kind: 'event',
          type: 'error',
          text: clipText(`The proof failed: ${String(error)}`, 1_000),
        })
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
        leave()
      })
    }
  })
}

async function carryOut(
  order: ProofOrder,
  token: TokenHolder,
  report: (message: Typed<FromProver>) => void,
): Promise<void> {
  const { baselineFile } = order
  if (order.job === 'baseline') {
    const measured = await measureBaseline(order, report)
    if (baselineFile !== null) writeDurably(baselineFile, JSON.stringify(measured))
    return report({ kind: 'measured' })
  }
  const baseline = baselineFile === null ? null : Baseline.parse(readJson(baselineFile))
  report({ kind: 'report', report: await proveHead(order, baseline, token, report) })
}

/** Ends this process when the supervisor has gone or the proof failed. */
function leave(): void {
  killShells()
  process.exit(1)
}
