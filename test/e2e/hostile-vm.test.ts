// A plan that tries what it may not: other refs, other plans' tokens, the owner's secrets. Run with real git on the VM.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { secretsOf } from './support/canaries.ts'
import { describeWith, needs } from '../support/needs.ts'
import { processesIn, signalIn } from './support/processes.ts'
import { eventually, isOver, run, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

/** Everything readable goes to ~/loot; the repository gets only how much there was. */
const SEARCH = `mkdir -p ~/loot; env > ~/loot/env
for p in /proc/[0-9]*; do cat $p/environ $p/cmdline; done 2>/dev/null | tr '\\0' '\\n' > ~/loot/processes
ls /proc | grep -c '^[0-9]' | sed 's/^/processes /' > counts.txt
git config --list --show-origin > ~/loot/git 2>&1; cat ~/.gitconfig ~/.ralph/* /root/.ralph/* /root/.* /etc/shadow >> ~/loot/git 2>/dev/null
find / -xdev -type f -size -200k -readable -not -path '/proc/*' -not -path '/sys/*' -not -path '/usr/*' 2>/dev/null | head -3000 > ~/loot/names
wc -l < ~/loot/names | sed 's/^/files /' >> counts.txt
tr '\\n' '\\0' < ~/loot/names | xargs -0 cat > ~/loot/files 2>/dev/null; true`

/** Every route with one kind of token: the answers, headers and error texts. One command for each, because a command has a time limit. */
const knockWith = (token: string) =>
  `G=$(git remote get-url origin); B=\${G%/vm/*}; H=$(grep -ho 'Bearer [^"]*' ~/.ralph/gateway.gitconfig | head -1)
n=0; ok=0
for m in GET POST PUT; do
for r in /healthz /mcp /plans /plans/x / /nothing /webhooks/github /vm/bootstrap.sh '/vm/ralph.mjs?sha=x' /vm/key /vm/sync /vm/model/v1/messages /vm/model/v1/messages/count_tokens /vm/model/v1/models /vm/model/v1/models/claude-opus-5-5 /vm/model/v1/files \${G#$B}/info/refs?service=git-upload-pack \${G#$B}/info/refs?service=git-receive-pack \${G#$B}/git-receive-pack \${G#$B}/info/lfs/objects/batch /vm/git/other.git/info/refs?service=git-upload-pack; do
n=$((n+1)); curl -si -m 60 -X $m -H "Authorization: ${token}" -d '{"model":"claude-opus-5-5","max_tokens":1,"messages":[]}' "$B$r" >> ~/loot/answers 2>&1 && ok=$((ok+1))
done; done
echo "$n $ok" >> ~/loot/knocks`
const KNOCKS = [
  ...[
    '$H',
    'Bearer x',
    // In two pieces: a plan that holds something shaped like a token is refused.
    'Bearer aer_pl""an_eyJhIjoxfQxx.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'Basic eDp5',
    '',
  ].map(knockWith),
  `awk '{ n += $1; ok += $2 } END { print "knocked " n; print "answered " ok }' ~/loot/knocks >> counts.txt`,
]

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
})

// Plain processes see the whole machine: what they find there says nothing of a VM.
describeWith(needs.sandbox(), 'a plan that searches and knocks everywhere', () => {
  it('finds no secret of the owner in environment, files, processes, git or any answer, error texts of every route included', async () => {
    const { pushUrl } = await stack.workspace('search')
    const plan = await submit(stack, 'search', script('Search for secrets', SEARCH, ...KNOCKS))
    const done = await untilPlan(stack, plan.id, isOver)
    expect(done.status).toBe('completed')
    const { stdout } = await run(
      'sh',
      ['-c', 'git clone -q --mirror "$U" "$D" && cd "$D" && git show "$B:counts.txt"'],
      { env: { U: pushUrl, D: `${stack.stateDir}/search.git`, B: plan.branch } },
    )
    const counts = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    )
    // It did look: what it found lies on its disk, where the watch finds any secret in it.
    expect(Number(counts['knocked'])).toBeGreaterThan(100)
    expect(Number(counts['answered'])).toBe(Number(counts['knocked']))
    expect(Number(counts['processes'])).toBeGreaterThan(3)
    expect(Number(counts['files'])).toBeGreaterThan(10)
    for (const [tool, args] of [
      ['plan_status', { plan_id: plan.id }],
      ['plan_list', {}],
      ['workspace_list', {}],
      ['workspace_sync', { workspace_id: 'search' }],
    ] as const)
      await stack.call(tool, args)
  })

  it('leaves none behind: no canary stands in D1, the objects, the log, a tool result or on a VM', async () => {
    expect(await stack.canaries.sightings()).toEqual([])
  })
})

describe('the watch for secrets', () => {
  it('fails the run of a stack where one was seen: on a VM, in the log, in an answer, in what the Worker keeps', async () => {
    const leaky = await startStack()
    const secrets = secretsOf(leaky.stateDir)
    const value = (name: string) => secrets[name] ?? ''
    const orgo = (path: string, body: object) =>
      fetch(`${leaky.urls.orgo_url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${leaky.urls.orgo_key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }).then((response) => response.json())
    const space = z.object({ id: z.string() }).parse(await orgo('/workspaces', { name: 'planted' }))
    const computer = z
      .object({ id: z.string() })
      .parse(await orgo('/computers', { workspace_id: space.id, name: 'planted', os: 'linux' }))
    await eventually(
      'the computer answers',
      () =>
        orgo(`/computers/${computer.id}/bash`, {
          command: `printf %s ${Buffer.from(value('GIT_TOKEN')).toString('hex')} > ~/loot; cat ~/loot | wc -c`,
        }),
      (answer) => JSON.stringify(answer).includes('"success":true'),
    )
    appendFileSync(
      join(leaky.stateDir, 'worker.log'),
      `Authorization: Bearer ${value('ANTHROPIC_API_KEY')}\n`,
    )
    appendFileSync(
      join(leaky.stateDir, 'worker', 'row.sqlite'),
      Buffer.from(`u:${value('TOKEN_KEY')}`).toString('base64'),
    )
    leaky.canaries.answer('plan_status', { text: encodeURIComponent(value('OWNER_TOKEN')) })
    const closed = await closing(leaky)
    expect(closed).toMatch(/GIT_TOKEN in .*loot/)
    expect(closed).toMatch(
      /ANTHROPIC_API_KEY in Worker: disk .*worker\.log|ANTHROPIC_API_KEY in Worker: disk/,
    )
    expect(closed).toMatch(/TOKEN_KEY in Worker: disk .*row\.sqlite/)
    expect(closed).toContain('OWNER_TOKEN in Worker: answer of plan_status')
    expect(closed).not.toContain(value('GIT_TOKEN'))
  })
})

describe('cancel', () => {
  it('is confirmed by the VM: no process is left', async () => {
    await stack.workspace('cancel')
    const plan = await submit(stack, 'cancel', script('Never ends', 'sleep 4321'))
    await eventually(
      'its command runs',
      async () => processesIn(stack, /sleep 4321/),
      (found) => found.length > 0,
    )
    const answer = await stack.call('plan_cancel', { plan_id: plan.id })
    expect(answer.data).toMatchObject({ plan: { status: 'cancelled' } })
    await untilPlan(stack, plan.id, (seen) => String(seen['status_detail']).includes('confirmed'))
    expect(processesIn(stack, /sleep 4321/)).toEqual([])
  })
})

const Calls = z.object({ calls: z.array(z.unknown()) })

describe('cancel on a VM that does not answer at all', () => {
  it('is answered all the same, and nothing of the plan is let through afterwards though its processes run on', async () => {
    const { pushUrl } = await stack.workspace('deaf')
    const steps = Array.from({ length: 12 }, (_, n) => `echo ${n} >> steps.txt; sleep 0.5`)
    const plan = await submit(stack, 'deaf', script('Goes on and on', ...steps))
    await untilPlan(stack, plan.id, (seen) => seen.phase === 'working')
    // Orgo hangs, and the supervisor hears and says nothing; the plan's own process goes on.
    await stack.control('POST', '/orgo/faults', { action: { hang: true }, times: 1_000 })
    expect(signalIn(stack, /ralph\.mjs supervise/, 'SIGSTOP')).toBeGreaterThan(0)
    // Within 2 s, says the simulator (test/chaos/scenario.test.ts), whose clock is no busy machine's.
    const answer = await stack.call('plan_cancel', { plan_id: plan.id })
    expect(answer.data).toMatchObject({ plan: { status: 'cancelled' } })
    const upstream = async () => ({
      modelCalls: Calls.parse(await stack.control('GET', '/model/calls')).calls.length,
      refs: (await run('git', ['ls-remote', pushUrl])).stdout,
    })
    const before = await upstream()
    expect(processesIn(stack, /ralph\.mjs run-plan/)).not.toEqual([])
    // Its next calls are refused: it makes some, gives up or stays.
    const untilMs = Date.now() + 5_000
    await eventually(
      'it gives up, or five seconds pass',
      async () => processesIn(stack, /ralph\.mjs run-plan/),
      (found) => found.length === 0 || Date.now() > untilMs,
    )
    expect(await upstream()).toEqual(before)
    // Heard again, the VM tells the end of it.
    signalIn(stack, /ralph\.mjs supervise/, 'SIGCONT')
    await untilPlan(stack, plan.id, (seen) => String(seen['status_detail']).includes('confirmed'))
    expect(await upstream()).toEqual(before)
    await stack.control('DELETE', '/orgo/faults')
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

/** What the end of a stack complains of; empty when of nothing. */
async function closing(ending: Stack): Promise<string> {
  try {
    await ending[Symbol.asyncDispose]()
    return ''
  } catch (error) {
    return String(error)
  }
}
