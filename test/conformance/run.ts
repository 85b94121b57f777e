// `npm run conformance`: the official suite with our baseline, as a table. Exit 1 on any failure the baseline does not name, and on
// any entry of it that has become stale.
import { readCommandLine } from '../../deploy/command-line.ts'
import { startStack } from '../e2e/support/stack.ts'
import { BASELINE } from './baseline.ts'
import { runConformance } from './conformance.ts'

readCommandLine({
  command: 'npm run conformance',
  about:
    'The official MCP suite with our baseline, as a table; exit 1 on any failure that the baseline does not name.',
  flags: {},
})
await using stack = await startStack()
const { rows, problems } = await runConformance(stack)
const width = Math.max(...rows.map(({ scenario }) => scenario.length))
for (const { run, scenario, passed, excluded, failed } of rows)
  console.log(
    `${run.padEnd(14)} ${scenario.padEnd(width)} ${String(passed).padStart(3)} passed ${String(excluded).padStart(3)} excluded ${String(failed).padStart(3)} failed`,
  )
console.log('\nExcluded, and why:')
for (const reason of new Set(BASELINE.map((entry) => entry.reason)))
  console.log(`- ${reason}: ${BASELINE.filter((entry) => entry.reason === reason).length} checks`)
const count = (field: 'passed' | 'excluded' | 'failed') => rows.reduce((sum, row) => sum + row[field], 0)
console.log(`\n${count('passed')} checks passed, ${count('excluded')} excluded, ${count('failed')} failed`)
for (const problem of problems) console.log(`PROBLEM ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1
