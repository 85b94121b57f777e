// Checks as nobody wants them: they hang, print without end, or ask a person. Each is ended, and its words name the cause, to the
// model and in the plan's history.
import { expect, test, vi } from 'vitest'
import { createVm, ended, until } from '../../support/vm.ts'

/** A plan with its proof takes seconds, on a busy machine many. */
const PATIENCE_MS = 100_000
vi.setConfig({ testTimeout: 2 * PATIENCE_MS })

test.each([
  ['hangs', 'echo waiting for nobody; sleep 1000', 'timed out and was killed'],
  [
    'prints 100 MB',
    "yes 'all work and no play' | head -c 100000000",
    'printed more than 64 MB and was killed',
  ],
  [
    'needs a terminal',
    'read -r answer < /dev/tty && [ "$answer" = yes ]',
    '/dev/tty: No such device or address',
  ],
  ['asks on standard input', 'read -r answer && [ "$answer" = yes ]', 'exit code 1'],
])('a check that %s', async (_, check, cause) => {
  await using vm = await createVm({ env: { RALPH_CHECK_MS: '3000' } })
  // It passes as long as there is no trouble.txt: what fails is new.
  const plan = vm.worker.submit('Work\n\n```sh\necho 1 > trouble.txt\n```\n', {
    checks: [`[ ! -e trouble.txt ] || { ${check}; }`],
  })
  await vm.ring()
  await until(ended(plan), 'the end of the plan', PATIENCE_MS)
  expect(plan.observed?.end).toMatchObject({
    kind: 'completed',
    outcome: 'unverified',
    reasons: ['check_failed'],
    work: { checks: [{ newFailure: true }, { exitCode: 0 }] },
  })
  const told = plan.events.filter(({ type }) => type === 'rejected').map(({ text }) => text)
  expect(told.join('\n')).toContain(cause)
  expect(vm.worker.modelBodies.at(-1)).toContain(cause)
  expect(vm.git('show', `${plan.desired.branch}:trouble.txt`)).toBe('1')
})
