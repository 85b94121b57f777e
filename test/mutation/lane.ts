// One process that keeps vitest warm for one project: takes `{ mutant, files }` over IPC, answers with what failed, and which mutants
// each file came by. The parent ends it when a mutant makes it hang.
import { createVitest } from 'vitest/node'
import { z } from 'zod'
import { Order } from './order.ts'
import type { Answer } from './order.ts'

const [root = '', projectName = ''] = process.argv.slice(2)
process.chdir(root)
const vitest = await createVitest('test', {
  root,
  config: 'test/mutation/vitest.config.ts',
  project: [projectName],
  watch: false,
  fileParallelism: false,
  reporters: [{}],
})
const project = vitest.projects.find(({ name }) => name === projectName)
if (project === undefined) throw new Error(`no project ${projectName}`)

const BATCH = 'test/mutation/batch.ts'
const Reached = z.object({ reached: z.array(z.int()).catch([]) })
const say = (message: unknown) => process.send?.(message)
process.on('message', (message) => {
  void run(Order.parse(message)).then(say, (error: unknown) =>
    say({ caught: [], reached: [], broken: String(error) }),
  )
})
process.once('disconnect', () => process.exit(0)) // the parent is gone
say('ready')

async function run({ file, mutants }: Order): Promise<Answer> {
  const [first = 0] = mutants
  const isBatch = mutants.length > 1
  project?.provide('mutant', isBatch ? 0 : first)
  project?.provide('batch', { file, mutants })
  vitest.config.bail = isBatch ? 0 : 1
  vitest.state.filesMap.clear()
  const specification = project?.createSpecification(`${root}/${isBatch ? BATCH : file}`)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(
    specification === undefined ? [] : [specification],
    true,
  )
  const caught = new Map<number, string>()
  const note = (mutant: number, how: string) => {
    if (!caught.has(mutant)) caught.set(mutant, how.slice(0, 300))
  }
  for (const module of testModules) {
    for (const { message } of module.errors()) if (!isBatch) note(first, message)
    for (const test of module.children.allTests('failed')) {
      const [, own] = /^mutant (\d+) > /.exec(test.fullName) ?? []
      note(Number(own ?? first), `${test.fullName}: ${test.result().errors?.[0]?.message ?? ''}`)
    }
  }
  // In a batch nobody knows whose they are.
  for (const error of unhandledErrors) if (!isBatch) note(first, String(error))
  const [module] = testModules
  return {
    caught: [...caught].map(([mutant, how]) => ({ mutant, how })),
    reached: Reached.parse(module?.meta() ?? {}).reached,
  }
}
