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

const say = (message: unknown) => process.send?.(message)
process.on('message', (message) => {
  void run(Order.parse(message)).then(say, (error: unknown) =>
    say({ failure: `the run broke: ${String(error)}`, files: [] }),
  )
})
process.once('disconnect', () => process.exit(0)) // the parent is gone
say('ready')

async function run({ mutant, files }: Order): Promise<Answer> {
  project?.provide('mutant', mutant)
  vitest.state.filesMap.clear()
  const specifications = files.flatMap((file) => project?.createSpecification(`${root}/${file}`) ?? [])
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, true)
  const failures = testModules.flatMap((module) => [
    ...module.errors().map(({ message }) => message),
    ...[...module.children.allTests('failed')].map(
      (test) => `${test.fullName}: ${test.result().errors?.[0]?.message ?? ''}`,
    ),
  ])
  failures.push(...unhandledErrors.map(String))
  return {
    failure: failures[0]?.slice(0, 300) ?? null,
    files: testModules.map((module) => ({
      file: module.relativeModuleId,
      reached: z
        .object({ reached: z.array(z.int()) })
        .catch({ reached: [] })
        .parse(module.meta()).reached,
      ms:
        module.diagnostic().duration +
        module.diagnostic().collectDuration +
        module.diagnostic().setupDuration,
    })),
  }
}
