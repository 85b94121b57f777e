// Ralph: `ralph doorbell {nonce}`, `ralph supervise`, `ralph run-plan`, `ralph prove`; and what checkouts call, `ralph check-documents`, `ralph check-push`.
import { fileURLToPath } from 'node:url'
import { checkPush } from './check-push.ts'
import { checkDocuments } from './check-documents.ts'
import { doorbell } from './doorbell.ts'
import { readPaths } from './paths.ts'
import { runProver } from './prover.ts'
import { runPlan } from './run-plan.ts'
import { supervise } from './supervisor.ts'

const paths = readPaths(process.env, fileURLToPath(import.meta.url))
const [command, ...args] = process.argv.slice(2)

try {
  if (command === 'doorbell') await doorbell(paths, args[0] ?? '')
  else if (command === 'supervise') await supervise(paths)
  else if (command === 'run-plan') runPlan()
  else if (command === 'prove') runProver()
  else if (command === 'check-documents') {
    if (!checkDocuments(args, (line) => process.stdout.write(`${line}\n`))) process.exitCode = 1
  } else if (command === 'check-push') {
    const refusal = await checkPush(args[0] ?? '')
    if (refusal !== '') throw new Error(refusal)
  } else
    throw new Error(
      'Usage: ralph doorbell {nonce} | supervise | run-plan | prove | check-documents {kind} {base} | check-push {home}',
    )
} catch (error) {
  process.stderr.write(`ralph: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
