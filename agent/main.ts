// Ralph: `ralph doorbell {nonce}`, `ralph supervise`, `ralph run-plan`.
import { fileURLToPath } from 'node:url'
import { doorbell } from './doorbell.ts'
import { readPaths } from './paths.ts'
import { runPlan } from './run-plan.ts'
import { supervise } from './supervisor.ts'

const paths = readPaths(process.env, fileURLToPath(import.meta.url))
const [command, argument] = process.argv.slice(2)

try {
  if (command === 'doorbell') await doorbell(paths, argument ?? '')
  else if (command === 'supervise') await supervise(paths)
  else if (command === 'run-plan') runPlan()
  else throw new Error('Usage: ralph doorbell {nonce} | supervise | run-plan')
} catch (error) {
  process.stderr.write(`ralph: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
