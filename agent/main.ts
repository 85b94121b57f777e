// The agent's command line. The VM runs `ralph doorbell {nonce}`, `supervise`, `run-plan` and `prove`; git hooks and checks in a
// checkout run `ralph check-documents` and `check-push`.
import { fileURLToPath } from 'node:url'
import { readPaths } from './machine/paths.ts'

const paths = readPaths(process.env, fileURLToPath(import.meta.url))
const [command, ...args] = process.argv.slice(2)

// Each command loads only its own part, so that the supervisor, which always runs, holds no model client in memory.
try {
  if (command === 'doorbell') await (await import('./supervisor/doorbell.ts')).doorbell(paths, args[0] ?? '')
  else if (command === 'supervise') await (await import('./supervisor/supervisor.ts')).supervise(paths)
  else if (command === 'run-plan') (await import('./attempt/run-plan.ts')).runPlan()
  else if (command === 'prove') (await import('./proof/prover.ts')).runProver()
  else if (command === 'check-documents') {
    const { checkDocuments } = await import('./documents/check-documents.ts')
    if (!checkDocuments(args, (line) => process.stdout.write(`${line}\n`))) process.exitCode = 1
  } else if (command === 'check-push') {
    const refusal = await (await import('./publish/pre-push-hook.ts')).checkPush(args[0] ?? '')
    if (refusal !== '') throw new Error(refusal)
  } else
    throw new Error(
      'Usage: ralph doorbell {nonce} | supervise | run-plan | prove | check-documents {kind} {base} | check-push {home}',
    )
} catch (error) {
  process.stderr.write(`ralph: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
