// The main job over the whole local stack: a plan travels from an MCP client to an agent on a VM and back as a merged branch.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith, needs } from '../support/needs.ts'
import { allEvents, eventually, isOver, run, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const refs = (repo: string) => stack.control('GET', `/git/refs/${repo}`) as Promise<Record<string, string>>
const secretsSeen = async () => JSON.stringify(await stack.control('GET', '/secrets-seen'))

describe('the main job', () => {
  it('ends as a merged branch with a gap-free history, and no secret was ever seen by the VM', async () => {
    const { pushUrl } = await stack.workspace('sample')
    const plan = await submit(
      stack,
      'sample',
      script('Add a greeting', 'echo "hello" > greeting.txt', 'git add -A && git commit -qm "feat: greet"'),
    )
    const done = await untilPlan(stack, plan.id, isOver)
    const said = await allEvents(stack, plan.id)
    expect(said.filter(({ type }) => type === 'error')).toEqual([])
    expect(done).toMatchObject({
      status: 'completed',
      // Who proves it must be another user than the plan's.
      ...(needs.bwrap() === null
        ? { outcome: 'verified', outcome_reasons: [] }
        : { outcome: 'unverified', outcome_reasons: ['proof_missing'] }),
      merge_status: 'open',
      branch: `agent/${plan.id}`,
      summary: 'Add a greeting',
    })
    expect(done.spent_usd).toBeGreaterThan(0)

    const before = await run('git', ['ls-remote', pushUrl, `refs/heads/${plan.branch}`])
    expect(before.stdout).toContain(done.pushed_head ?? 'no head')
    const log = await run(
      'sh',
      [
        '-c',
        'rm -rf "$D" && git clone -q "$U" "$D" && git -C "$D" log -1 --format="%an%n%B" "origin/$B" && git -C "$D" show "origin/$B:greeting.txt"',
      ],
      {
        env: { U: pushUrl, D: `${stack.stateDir}/clone`, B: plan.branch },
      },
    )
    expect(log.stdout).toContain('Ralph Wiggum')
    expect(log.stdout).toContain('hello')

    await stack.control('POST', '/github/sample/merge', { branch: plan.branch, method: 'merge' })
    await untilPlan(stack, plan.id, (seen) => seen.merge_status === 'merged')
    await eventually(
      'the branch is gone',
      () => refs('sample'),
      (found) => !JSON.stringify(found).includes(plan.branch),
    )
    const events = await allEvents(stack, plan.id)
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1))
    expect(await secretsSeen()).not.toMatch(/KEY|TOKEN|SECRET|CREDENTIAL/)
  })

  it.each(['squash', 'rebase'])('recognises a %s merge', async (method) => {
    const name = `merge-${method}`
    await stack.workspace(name)
    const plan = await submit(stack, name, script('Add a file', 'echo x > x.txt'))
    await untilPlan(stack, plan.id, isOver)
    await stack.control('POST', `/github/${name}/merge`, { branch: plan.branch, method })
    const merged = await untilPlan(stack, plan.id, (seen) => seen.merge_status === 'merged')
    expect(merged.status).toBe('completed')
  })

  it('recognises a direct push to the base', async () => {
    const { pushUrl } = await stack.workspace('direct')
    const plan = await submit(stack, 'direct', script('Add a file', 'echo x > x.txt'))
    await untilPlan(stack, plan.id, isOver)
    const pushed = await run(
      'sh',
      [
        '-c',
        'git clone -q "$U" "$D" && cd "$D" && git merge -q --ff-only "origin/$B" && git push -q origin HEAD:main',
      ],
      {
        env: { U: pushUrl, D: `${stack.stateDir}/direct`, B: plan.branch },
      },
    )
    expect(pushed.stderr).not.toContain('fatal')
    await untilPlan(stack, plan.id, (seen) => seen.merge_status === 'merged')
  })
})

describeWith(needs.bwrap(), 'two plans at once', () => {
  it('run as two users in two checkouts, cannot read each other, and end as two branches', async () => {
    const { pushUrl } = await stack.workspace('pair')
    // Each says that it is there and waits until it may go on, which is when both have said so.
    const spy = (mine: string) =>
      script(
        `Plan ${mine}`,
        'touch ~/here; for i in $(seq 1 600); do [ -e ~/go ] && break; sleep 0.2; done; ls ~/go && ls /srv/workspace/plans /home | grep -c . > seen.txt',
        'id -un > user.txt; for d in /srv/workspace/plans/*/; do [ "$(readlink -f "$d")" = "$(readlink -f .)" ] || { ls "$d" > other.txt 2>&1; cat "$d/README.md" >> other.txt 2>&1; }; done; true',
        'for h in /home/*/; do [ "$(readlink -f "$h")" = "$(readlink -f ~)" ] || ls "$h" >> other.txt 2>&1; done; ls /root >> other.txt 2>&1; true',
      )
    const [a, b] = await Promise.all([submit(stack, 'pair', spy('a')), submit(stack, 'pair', spy('b'))])
    const waiting = async () => {
      const args = [stack.stateDir, '-path', '*/home/plan-*/here']
      return (await run('find', args, { env: {} })).stdout.split('\n').filter((path) => path !== '')
    }
    const paths = await eventually('both plans at once', waiting, ({ length }) => length === 2)
    for (const path of paths) writeFileSync(join(dirname(path), 'go'), '')
    const [doneA, doneB] = await Promise.all([untilPlan(stack, a.id, isOver), untilPlan(stack, b.id, isOver)])
    expect([doneA.status, doneB.status]).toEqual(['completed', 'completed'])
    const show = async (branch: string, file: string) =>
      (
        await run(
          'sh',
          [
            '-c',
            'cd "$D" 2>/dev/null || git clone -q --mirror "$U" "$D"; cd "$D" && git fetch -q && git show "$B:$F"',
          ],
          {
            env: {
              U: pushUrl,
              D: `${stack.stateDir}/pair.git`,
              B: branch,
              F: file,
            },
          },
        )
      ).stdout
    const users = [await show(a.branch, 'user.txt'), await show(b.branch, 'user.txt')]
    expect(users[0]).not.toBe(users[1])
    // Two names of folders, and in each its own: the other's are not there at all. An empty line stands between them.
    expect((await show(a.branch, 'seen.txt')).trim()).toBe('4')
    for (const branch of [a.branch, b.branch]) {
      const other = await show(branch, 'other.txt')
      expect(other).toMatch(/Permission denied/)
      expect(other).not.toMatch(/README\.md$/m)
    }
  })
})

describe('long and hostile texts', () => {
  it('five plans of 100,000 characters and a cancel, sent at once, all arrive, byte for byte', async () => {
    await stack.workspace('texts')
    const nasty =
      '😀 "double" \'single\' `tick` $(touch /tmp/pwned) ${HOME} \\ \u202Eright-to-left\u202C\r\n\ttab é ü 漢字 -- ; | & > < !\n'
    const text = (n: number) => {
      const head = `Long plan ${n}\n\n\`\`\`sh\necho ${n} > n.txt\n\`\`\`\n`
      return (head + nasty.repeat(2_000)).slice(0, 99_998).replace(/[\uD800-\uDBFF]$/, '') + 'zz'
    }
    const victim = await submit(stack, 'texts', script('Sleep', 'sleep 300'))
    const [plans] = await Promise.all([
      Promise.all([1, 2, 3, 4, 5].map((n) => submit(stack, 'texts', text(n)))),
      stack.call('plan_cancel', { plan_id: victim.id }),
    ])
    await untilPlan(stack, victim.id, (plan) => plan.status === 'cancelled')
    for (const plan of plans) expect((await untilPlan(stack, plan.id, isOver)).status).toBe('completed')
    const calls = JSON.stringify(await stack.control('GET', '/model/calls'))
    for (const [index, plan] of plans.entries()) {
      const sha = createHash('sha256')
        .update(text(index + 1))
        .digest('hex')
      expect(calls, `the text of ${plan.id} in the model's first message`).toContain(sha)
    }
  })
})
