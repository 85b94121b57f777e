// docs/commands.md names every npm script, and every option that the program behind it takes.
import { expect, it } from 'vitest'
import { z } from 'zod'
import { cellsOf, spansOf, textOf } from './tables.ts'

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(textOf('package.json')))
const rows = textOf('docs/commands.md')
  .split('\n')
  .filter((line) => line.startsWith('| `npm'))
  .map(cellsOf)
const commandOf = (script: string) => (script === 'test' ? 'npm test' : `npm run ${script}`)

it.each(Object.entries(scripts))('docs/commands.md has npm run %s with its options', (script, command) => {
  const own = rows.filter(([name]) => spansOf(name)[0] === commandOf(script))
  const told = own.flatMap(([, option]) => spansOf(option).map((span) => span.split(' ')[0] ?? ''))
  const [, program] = /node (\S+\.ts)/.exec(command) ?? []
  const [, options = ''] =
    /readCommandLine\(\{[\s\S]*? flags: \{([\s\S]*?)\n\}\)/.exec(
      program === undefined ? '' : textOf(program),
    ) ?? []
  const taken = [...options.matchAll(/(?:^|[{,\s])'?([a-z][\w-]*)'?: \{/g)].map(
    ([, name]) => `--${name ?? ''}`,
  )
  expect(own.length).toBeGreaterThan(0)
  // vitest's own option, which test/run.ts passes on; --help is the same everywhere.
  expect(told.filter((word) => word.startsWith('--') && word !== '--project').toSorted()).toEqual(
    taken.filter((name) => name !== '--help').toSorted(),
  )
})

it('names no script that there is not', () => {
  const commands = Object.keys(scripts).map(commandOf)
  expect(rows.map(([name]) => spansOf(name)[0] ?? '').filter((name) => !commands.includes(name))).toEqual([])
})
