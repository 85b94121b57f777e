// Set-up file of every test file of a mutation run: makes one mutant the active one before anything of src is imported, and hands
// back which mutants the file came by.
import { afterAll, inject } from 'vitest'

interface Mutation {
  active: number
  reached: Set<number>
}

const all: Mutation = { active: inject('mutant'), reached: new Set() }
Object.assign(globalThis, { __mutation: all })
// What the code under test says is not wanted thousands of times.
for (const name of ['log', 'warn', 'error'] as const) console[name] = () => {}

// oxlint-disable-next-line no-empty-pattern -- vitest wants a pattern for the fixtures, of which there are none
afterAll(({}, suite) => {
  Object.assign(suite.meta, { reached: [...all.reached] })
})

declare module 'vitest' {
  interface ProvidedContext {
    mutant: number
  }
}
