// What the person does at a bad moment: a message during a tool or the last reply, a cancel in each phase, an answer after days.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ended, until } from '../real/support/vm.ts'
import {
  command,
  demand,
  demandSound,
  describeEnd,
  head,
  model,
  onBench,
  resume,
  sh,
  stands,
  standsInProof,
  THREE_STEPS,
  waits,
  waitsOnce,
} from './bench.ts'
import type { Bench, BenchInput, Fault } from './bench.ts'

const fault = (name: string, input: BenchInput): Fault => ({
  group: 'the person',
  name,
  run: () => onBench(input),
})
const letGo = ({ vm, plan }: Bench, gate: string): void =>
  writeFileSync(join(vm.home(plan), `go-${gate}`), '')
const CANCEL_LIMIT_MS = 10_000

const cancels = (
  phase: string,
  input: Omit<BenchInput, 'ends'> & { at: (bench: Bench) => Promise<void> },
): Fault => ({
  group: 'the person',
  name: `cancels while it is ${phase}, then resumes`,
  run: () =>
    onBench({
      ...input,
      ends: 'stopped',
      during: async (bench) => {
        await input.at(bench)
        await cancel(bench)
      },
      after: async (bench) => {
        bench.vm.worker.interceptModel = null
        bench.vm.worker.onPush = null
        const before = head(bench)
        await demandStopped(bench)
        demand(head(bench) === before, 'something was pushed after the cancel')
        await resume(bench, { planToken: 'aer_plan_second.token' })
        await until(ended(bench.plan), 'the end of the second attempt', 300_000)
        demand(bench.plan.observed?.end?.kind === 'completed', `it ended ${describeEnd(bench.plan)}`)
      },
    }),
})

export const PERSON_FAULTS: Fault[] = [
  fault('writes while a command runs', {
    text: `Talk\n\n${sh(command(1, waits('tool')))}${sh(command(2))}${sh(command(3))}`,
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      say(bench, 'Please hurry, and mind ünïcode 😀.')
      await until(() => bench.vm.worker.syncs.length > 0, 'a sync')
      letGo(bench, 'tool')
    },
    after: (bench) => demandHeard(bench, 'mind ünïcode 😀'),
  }),
  fault('writes while the last reply is on its way', {
    text: `Talk\n\n${sh(command(1))}${sh(command(3))}${model({ sleep_ms: 3_000 })}`,
    during: async (bench) => {
      const calls = () => bench.vm.worker.modelBodies.length
      await until(() => calls() >= 3, 'the last request', 300_000)
      say(bench, 'One more thing.')
    },
    after: (bench) => demandHeard(bench, 'One more thing.'),
  }),
  fault('writes three times in one breath', {
    text: `Talk\n\n${sh(command(1, waits('tool')))}${sh(command(3))}`,
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      for (const text of ['first word', 'second word', 'third word']) say(bench, text)
      letGo(bench, 'tool')
    },
    after: (bench) => {
      for (const text of ['first word', 'second word', 'third word']) demandHeard(bench, text)
    },
  }),
  fault('is asked, and answers in the next attempt', {
    text: `Ask\n\n${sh(command(1))}${model({ ask: 'Red or blue?' })}${sh(command(3))}`,
    ends: 'paused',
    after: async (bench) => {
      demand(
        JSON.stringify(bench.plan.observed?.end).includes('Red or blue?'),
        'the question is not in the end',
      )
      say(bench, 'Blue.')
      await resume(bench)
      await until(ended(bench.plan), 'the end of the second attempt', 300_000)
      demand(bench.plan.observed?.end?.kind === 'completed', `it ended ${describeEnd(bench.plan)}`)
      demandHeard(bench, 'Blue.')
    },
  }),
  cancels('preparing', {
    text: THREE_STEPS,
    desired: { setup: `[ -e ~/at-setup ] || { ${waits('setup')}; }` },
    at: (bench) => until(stands(bench, 'setup'), 'the set-up'),
  }),
  cancels('working', {
    text: `Work\n\n${sh(command(1))}${sh(`echo half > half.txt; ${waits('tool')}`)}${sh(command(3))}`,
    at: (bench) => until(stands(bench, 'tool'), 'the command'),
  }),
  cancels('waiting for the model', {
    text: `Think\n\n${sh(command(1))}${model({ sleep_ms: 20_000 })}${sh(command(3))}`,
    at: (bench) => until(() => bench.vm.worker.modelBodies.length >= 2, 'the request'),
  }),
  {
    ...cancels('being judged', {
      text: `${THREE_STEPS}${model({ judge: {} })}`,
      before: ({ vm }) => {
        vm.worker.interceptModel = (_request, _response, body) => body.includes('"format"')
      },
      at: (bench) => until(() => bench.vm.worker.judgeBodies.length > 0, 'the judge', 300_000),
    }),
  },
  cancels('verifying', {
    text: THREE_STEPS,
    desired: { checks: [waitsOnce('proof')] },
    at: (bench) => until(standsInProof(bench, 'proof'), 'the proof', 300_000),
  }),
  cancels('pushing', {
    text: THREE_STEPS,
    before: ({ vm }) => {
      vm.worker.onPush = () => new Promise(() => {})
    },
    at: (bench) => until(() => bench.vm.worker.pushes.length > 0, 'the push', 300_000),
  }),
]

function say({ vm, plan }: Bench, text: string): void {
  const n = plan.desired.messages.length + 1
  plan.desired.messages = [...plan.desired.messages, { n, text }]
  vm.worker.touch()
}

function demandHeard({ vm, plan }: Bench, text: string): void {
  const heard = vm.worker.modelBodies.some((body) => body.includes(JSON.stringify(text).slice(1, -1)))
  demand(heard, `the model never heard: ${text}`)
  demand((plan.observed?.messagesTaken ?? 0) >= 1, 'the message is not reported as taken')
}

/** As the Worker does it: the rights go first, then the wish. */
async function cancel({ vm, plan }: Bench): Promise<void> {
  delete plan.desired.planToken
  plan.desired.want = 'stop'
  vm.worker.touch()
  await vm.ring()
  const startedAt = performance.now()
  await until(ended(plan), 'the answer to the cancel', 300_000)
  const ms = performance.now() - startedAt
  demand(ms < CANCEL_LIMIT_MS, `the cancel took ${Math.round(ms)} ms`)
}

/** No process, and what was uncommitted is a commit on the machine. */
async function demandStopped(bench: Bench): Promise<void> {
  const { vm, plan } = bench
  await demandSound(bench, [])
  const checkout = vm.checkout(plan)
  if (!existsSync(join(checkout, 'half.txt'))) return
  const git = join(checkout, '.git')
  const refs = readFileSync(join(git, 'HEAD'), 'utf8').trim().replace('ref: ', '')
  demand(existsSync(join(git, refs)), 'the branch is not there')
}
