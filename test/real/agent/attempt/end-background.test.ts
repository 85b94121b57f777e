// What is ended before a proof: what the model left running, and none of our own programs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { endBackground } from '../../../../agent/attempt/end-background.ts'
import { run } from '../../../../agent/machine/process.ts'
import { createPlanBench } from '../../support/plan-bench.ts'

test('a server that the model left is ended, and a push of ours that runs just now is not', async () => {
  using bench = await createPlanBench()
  const { env } = bench.plan
  const server = spawn('sleep', ['600'], { env, detached: true, stdio: 'ignore' })
  await once(server, 'spawn')
  // A push has children of its own.
  const push = run('bash', ['-c', 'read -r word; sleep 0.5; echo "$word"'], {
    env,
    timeoutMs: 60_000,
    input: 'x\n',
  })
  expect(endBackground(bench.plan)).toBe(1)
  expect(await once(server, 'exit')).toEqual([null, 'SIGKILL'])
  expect(await push).toMatchObject({ code: 0, stdout: 'x\n' })
})
