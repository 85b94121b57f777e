// A plan that prints and commits secrets, through the whole of Ralph: neither the model, the history nor the remote sees one.
import { expect, test } from 'vitest'
import { findSecrets, redact } from '../../../../agent/machine/secrets.ts'
import { createPlanVm } from '../../support/plan-vm.ts'
import { ended, until } from '../../support/vm.ts'

const LETTERS = 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'
const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNzaC1rZXk'.repeat(5)}\n-----END OPENSSH PRIVATE KEY-----`
/** Git tokens that the VM did not know while each side had a table of its own. */
const BARE = [
  `ATBB${LETTERS}`, // Bitbucket
  `${LETTERS}${LETTERS}abcdAZDO3xYz`, // Azure DevOps
  `gloas-${LETTERS}`, // a GitLab application
]
const SHAPES = [
  ['ghp', LETTERS].join('_'),
  ['AKIA', 'Z7QWERTYUIOPASDF'].join(''),
  `sk-ant-api03-${LETTERS}`,
  `xoxb-482910375628-${LETTERS}`,
  `AIza${LETTERS.slice(0, 35)}`,
  `npm_${LETTERS}`,
  `aer_plan_${LETTERS}.${LETTERS}abcdefg`,
  `eyJ${LETTERS}.eyJ${LETTERS}.${LETTERS}`,
  `https://user:${LETTERS}@db.company.org/x`,
  KEY,
  ...BARE,
]

test.each(SHAPES)('finds and takes out shape %#', (secret) => {
  const text = `before "${secret}" after`
  expect(findSecrets(text)).toHaveLength(1)
  const clean = redact(text)
  expect(clean).toMatch(/^before "\[redacted: [\w ]+\](?: after|" after|@db)?/)
  expect(clean).not.toContain(LETTERS)
  expect(clean).not.toContain('b3BlbnNzaC1rZXk')
})

test('a text of a megabyte without any is looked through in time that grows with its length only', () => {
  const text = `${'abcdefghij '.repeat(10)}\n`.repeat(9_500)
  const cpuMs = (run: () => unknown): number => {
    const before = process.cpuUsage()
    run()
    return process.cpuUsage(before).user / 1_000
  }
  expect(redact(text)).toBe(text)
  expect(findSecrets(text)).toEqual([])
  const look = (whole: string) =>
    Math.min(...[1, 2, 3].map(() => cpuMs(() => [redact(whole), findSecrets(whole)])))
  // Eight times the text may not take much more than eight times as long, however slow the machine is.
  expect(look(text)).toBeLessThan(24 * Math.max(1, look(text.slice(0, text.length / 8))))
})

test('the plan token and a key in a file reach neither the model nor the history nor the remote', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(
    `Show\n\n\`\`\`sh\ncat ~/.ralph/gateway.gitconfig; printf 'k: %s_%s' ghp ${LETTERS} | tee key.txt; printf ' %s%s' ATBB ${LETTERS} ${LETTERS} ${LETTERS}abcdAZDO3xYz gloas- ${LETTERS} | tee tokens.txt\n\`\`\`\n\n\`\`\`sh\necho done > work.txt; git add -A; git commit -qm "with $(cat key.txt)"\n\`\`\`\n`,
  )
  const token = plan.desired.planToken ?? ''
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  const secret = `ghp_${LETTERS}`
  const seen = JSON.stringify([vm.worker.modelBodies, vm.worker.syncs])
  for (const value of [secret, token, ...BARE]) expect(seen).not.toContain(value)
  expect(seen).toContain('[redacted: a GitHub token]')
  expect(plan.events.map(({ type }) => type)).toContain('secret_blocked')
  expect(vm.git('ls-tree', '--name-only', plan.desired.branch).split('\n')).toEqual(['start.sh', 'work.txt'])
})
