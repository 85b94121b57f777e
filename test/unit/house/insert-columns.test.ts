// A newer version may have added a column: an INSERT that names none then fails in the older code, for every plan.
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const sources = globSync('src/**/*.ts')

test('every INSERT names its columns', () => {
  const texts = sources.map((file) => readFileSync(file, 'utf8'))
  expect(texts.join('\n').match(/INSERT (?:OR \w+ )?INTO \w+ \(/g)?.length).toBeGreaterThan(15)
  const nameless = sources.filter((_, n) =>
    /INSERT (?:OR \w+ )?INTO \w+ (?:VALUES|SELECT)/.test(texts[n] ?? ''),
  )
  expect(nameless).toEqual([])
})
