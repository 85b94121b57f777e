// A test file of many mutants: one test file's tests once for each, so that workerd starts once for all of them. Only for files whose
// tests share nothing (targets.ts), and for mutants inside functions: modules are evaluated once here.
import { afterEach, beforeAll, beforeEach, describe, inject } from 'vitest'

const { file, mutants } = inject('batch')

for (const mutant of mutants)
  describe(`mutant ${mutant}`, async () => {
    let isCaught = false
    beforeAll(() => void Object.assign(Reflect.get(globalThis, '__mutation'), { active: mutant }))
    beforeEach(({ skip }) => {
      if (isCaught) skip()
    })
    afterEach(({ task }) => {
      isCaught ||= task.result?.state === 'fail'
    })
    await import(/* @vite-ignore */ `../../${file}?mutant=${mutant}`)
  })

declare module 'vitest' {
  interface ProvidedContext {
    batch: { file: string; mutants: number[] }
  }
}
