// One process of `npm run chaos`: some runs of chaos.test.ts with the numbers of its one argument, the result as one line of JSON.
import { startVitest } from 'vitest/node'
import type { Reporter, TestCase } from 'vitest/node'
import type { z } from 'zod'
import { Job, Result } from './job.ts'

process.env['CHAOS_JOB'] = process.argv[2] ?? '{}'
let said: z.infer<typeof Result> | null = null
let cost: unknown = null
const forCost = Job.parse(JSON.parse(process.env['CHAOS_JOB'])).costPlans > 0
const problems: string[] = []
const reporter: Reporter = {
  onTestCaseResult(test: TestCase) {
    const meta: Record<string, unknown> = { ...test.meta() }
    const parsed = Result.safeParse(meta['chaos'])
    if (parsed.success) said = parsed.data
    cost ??= meta['cost'] ?? null
    for (const error of test.result().errors ?? []) problems.push(error.message.slice(0, 500))
  },
  onTestRunEnd: (_, errors) => void problems.push(...errors.map(({ message }) => message.slice(0, 500))),
}
await startVitest('test', [`test/chaos/${forCost ? 'cost' : 'chaos'}.test.ts`], {
  project: ['chaos'],
  watch: false,
  reporters: [reporter],
})
process.stdout.write(`\nRESULT ${JSON.stringify({ result: said, cost, problems })}\n`)
process.exit(0)
