// A plan that tries what it may not: other refs, other plans' tokens, the owner's secrets. Run with real git on the VM.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isOver, run, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

describe('git push from the VM', () => {
  it('to main, a tag, another branch, and a deletion print `remote rejected` with the reason and change no ref', async () => {
    const { pushUrl } = await stack.workspace('hostile')
    const other = await submit(stack, 'hostile', script('The neighbour', 'echo n > n.txt'))
    await untilPlan(stack, other.id, isOver)
    const before = (await run('git', ['ls-remote', pushUrl])).stdout
    const plan = await submit(
      stack,
      'hostile',
      script(
        'Push where it may not',
        'git commit -q --allow-empty -m "evil"; for t in "+HEAD:refs/heads/main" "+HEAD:refs/heads/' +
          other.branch +
          '" "HEAD:refs/tags/v1" ":refs/heads/main" "HEAD:refs/heads/agent/mine"; do echo "== $t"; git push origin "$t"; echo "exit $?"; done > report.txt 2>&1; true',
        // Throughout the run: no token stands in any command line a plan's user can see.
        '(for i in $(seq 1 40); do cat /proc/*/cmdline 2>/dev/null | tr "\\0" " " | grep -a -o "aer_[a-z]*_[A-Za-z0-9_-]*" ; sleep 0.1; done; true) > cmdlines.txt; env | grep -i -E "token|key|secret|aer_" > env.txt; grep -r "aer_" .git/config > config.txt; true',
      ),
    )
    const done = await untilPlan(stack, plan.id, isOver)
    expect(done.status).toBe('completed')
    const after = (await run('git', ['ls-remote', pushUrl])).stdout
    const without = (text: string) => text.split('\n').filter((line) => !line.includes(plan.id))
    expect(without(after)).toEqual(without(before))

    const show = async (file: string) =>
      (
        await run(
          'sh',
          [
            '-c',
            '[ -d "$D" ] || git clone -q --mirror "$U" "$D"; cd "$D" && git fetch -q && git show "$B:$F"',
          ],
          { env: { U: pushUrl, D: `${stack.stateDir}/hostile.git`, B: plan.branch, F: file } },
        )
      ).stdout
    const report = await show('report.txt')
    const tries = report.split('== ').slice(1)
    expect(tries).toHaveLength(5)
    for (const attempt of tries) {
      expect(attempt).toContain('remote rejected')
      expect(attempt).toMatch(/this plan may only push to|may not delete/)
      expect(attempt).toContain('exit 1')
    }
    expect((await show('cmdlines.txt')).trim()).toBe('')
    expect((await show('env.txt')).trim()).toBe('')
    expect((await show('config.txt')).trim()).toBe('')
  })

  it('finds no secret of the owner anywhere', async () => {
    await stack.workspace('search')
    const plan = await submit(
      stack,
      'search',
      script(
        'Search for secrets',
        'env; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"; git config --list --show-origin; cat ~/.gitconfig ~/.ralph/* 2>/dev/null; grep -rs -E "sk-ant|sk_live|ghp_" / --include=* -l 2>/dev/null --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr | head; true',
      ),
    )
    expect((await untilPlan(stack, plan.id, isOver)).status).toBe('completed')
    expect(JSON.stringify(await stack.control('GET', '/secrets-seen'))).not.toMatch(
      /KEY|TOKEN|SECRET|CREDENTIAL/,
    )
  })
})

describe('cancel', () => {
  it('is answered within 2 s, and the VM confirms that no process is left', async () => {
    await stack.workspace('cancel')
    const plan = await submit(stack, 'cancel', script('Never ends', 'sleep 4321'))
    await untilPlan(stack, plan.id, (seen) => seen.phase === 'working')
    const at = Date.now()
    const answer = await stack.call('plan_cancel', { plan_id: plan.id })
    expect(Date.now() - at).toBeLessThan(3_000)
    expect(answer.data).toMatchObject({ plan: { status: 'cancelled' } })
    await untilPlan(stack, plan.id, (seen) => String(seen['status_detail']).includes('confirmed'))
    expect((await run('pgrep', ['-f', 'sleep 4321'])).code).toBe(1)
  })
})

describe('a budget', () => {
  it('pauses the plan at the gateway, and plan_resume with a higher one lets it finish', async () => {
    await stack.workspace('budget')
    const plan = await submit(
      stack,
      'budget',
      script('Spend', 'echo 1', 'echo 2', 'echo 3', 'echo 4 > four.txt'),
      { budget_usd: 0.000001 },
    )
    const paused = await untilPlan(stack, plan.id, isOver)
    expect(paused).toMatchObject({ status: 'paused', paused_reason: 'budget' })
    const low = await stack.call('plan_resume', { plan_id: plan.id })
    expect(low.isError).toBe(true)
    expect(low.text).toContain('budget_usd')
    await stack.call('plan_resume', { plan_id: plan.id, budget_usd: 50 })
    expect(await untilPlan(stack, plan.id, isOver)).toMatchObject({ status: 'completed', attempt: 2 })
  })
})
