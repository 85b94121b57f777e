// What the way to the model does to a plan: overloads, silence, cuts, an empty purse.
import type { ServerResponse } from 'node:http'
import { refuse } from '../real/support/fake-worker.ts'
import { ended, until } from '../real/support/vm.ts'
import { command, demand, describeEnd, model, onBench, resume, sh, THREE_STEPS } from './bench.ts'
import type { Bench, BenchInput, Fault } from './bench.ts'

const fault = (name: string, input: BenchInput): Fault => ({
  group: 'the model',
  name,
  run: () => onBench(input),
})
const between = (block: unknown): string =>
  `Between\n\n${sh(command(1))}${model(block)}${sh(command(2))}${sh(command(3))}`

export const MODEL_FAULTS: Fault[] = [
  fault('529 eight times in a row', { text: between({ fail: { status: 529, times: 8 } }) }),
  fault('500 three times, with a word when to come back', {
    text: between({ fail: { status: 500, times: 3, retry_after: 1 } }),
  }),
  fault('429 with a word when to come back', {
    text: between({ fail: { status: 429, times: 2, retry_after: 1 } }),
  }),
  ...[0, 1, 2].map((blocks) =>
    fault(`the stream is cut after ${blocks} blocks`, {
      text: between({ say: 'Next.', cut_after_blocks: blocks }),
    }),
  ),
  fault('the stream falls silent', {
    text: between({ stall_ms: 600_000 }),
    vm: { env: { RALPH_IDLE_STREAM_MS: '1500' } },
  }),
  fault('an error comes in the middle of the stream', {
    text: THREE_STEPS,
    before: ({ vm }) => {
      let isDone = false
      vm.worker.interceptModel = (_request, response) => {
        if (isDone || vm.worker.modelBodies.length < 2) return false
        isDone = true
        sendOverloaded(response)
        return true
      }
    },
  }),
  fault('the connection is refused for a while', {
    text: THREE_STEPS,
    before: ({ vm }) => {
      let left = 4
      vm.worker.interceptModel = (_request, response) => {
        if (vm.worker.modelBodies.length < 2 || left-- <= 0) return false
        response.socket?.destroy()
        return true
      }
    },
  }),
  fault('the reply is cut at its length, with a call in it', {
    text: between({ say: 'Much.', stop: 'max_tokens' }),
  }),
  fault('a turn ends without a call', { text: between({ stop: 'end_turn' }) }),
  ...[2, 3, 4].map((nth) =>
    fault(`402 at request ${nth}, then a new budget and resume`, {
      text: THREE_STEPS,
      ends: 'paused',
      before: (bench) => outOfBudget(bench, nth),
      after: async (bench) => {
        bench.vm.worker.interceptModel = null
        await resume(bench, { planToken: 'aer_plan_second.token' })
        await until(ended(bench.plan), 'the end of the second attempt', 300_000)
        demand(bench.plan.observed?.end?.kind === 'completed', `it ended ${describeEnd(bench.plan)}`)
      },
      pushed: [1, 2, 3],
    }),
  ),
  fault('the plan token runs out and a new one comes', {
    text: THREE_STEPS,
    before: ({ vm, plan }) => {
      vm.worker.interceptModel = (request, response) => {
        if (vm.worker.modelBodies.length < 2 || (request.headers.authorization ?? '').endsWith('renewed'))
          return false
        refuse(response, 401, 'token_expired')
        if (plan.desired.planToken?.endsWith('renewed') !== true) {
          plan.desired.planToken = 'aer_plan_second.renewed'
          vm.worker.touch()
        }
        return true
      }
    },
    pushed: [1, 2, 3],
  }),
]

function outOfBudget({ vm }: Bench, nth: number): void {
  vm.worker.interceptModel = (_request, response) => {
    if (vm.worker.modelBodies.length < nth) return false
    refuse(response, 402, 'budget_exceeded')
    return true
  }
}

function sendOverloaded(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const message = {
    id: 'msg_cut',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  const error = { type: 'overloaded_error', message: 'Overloaded' }
  for (const data of [
    { type: 'message_start', message },
    { type: 'error', error },
  ])
    response.write(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`)
  response.end()
}
