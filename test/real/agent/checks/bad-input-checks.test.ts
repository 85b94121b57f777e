// Checks as nobody wants them: they hang, print without end, or ask a person. Each is ended, and its words name the cause, to the
// model and in the plan's history.
import { expect, test } from 'vitest'
import { createVm, ended, until } from '../../support/vm.ts'

/** Each passes as long as there is no trouble.txt: what fails is new. */
const CHECKS: [check: string, cause: string][] = [
  ['echo waiting for nobody; sleep 1000', 'timed out and was killed'],
  ["yes 'all work and no play' | head -c 100000000", 'printed more than 64 MB and was killed'],
  ['read -r answer < /dev/tty && [ "$answer" = yes ]', '/dev/tty: No such device or address'],
  ['read -r answer && [ "$answer" = yes ]', 'exit code 1'],
]

const failed = (check: string) =>
  expect.objectContaining({ command: expect.stringContaining(check), newFailure: true })

test('checks that hang, print 100 MB, need a terminal or ask on standard input end, and the model hears how', async () => {
  await using vm = await createVm({ env: { RALPH_CHECK_MS: '10000' } })
  const plan = vm.worker.submit('Work\n\n```sh\necho 1 > trouble.txt\n```\n', {
    checks: CHECKS.map(([check]) => `[ ! -e trouble.txt ] || { ${check}; }`),
  })
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({
    kind: 'completed',
    outcome: 'unverified',
    reasons: ['check_timed_out', 'check_failed'],
    work: { checks: expect.arrayContaining(CHECKS.map(([check]) => failed(check))) },
  })
  const told = plan.events.flatMap(({ type, text }) => (type === 'check' ? [text] : []))
  for (const [check, cause] of CHECKS) {
    expect(
      told.filter(
        (text) => /^(?:failed|timed out) .* in a clean checkout/.test(text) && text.includes(check),
      ),
    ).toHaveLength(2)
    expect(vm.worker.modelBodies.at(-1)).toContain(cause)
  }
  expect(vm.git('show', `${plan.desired.branch}:trouble.txt`)).toBe('1')
})
