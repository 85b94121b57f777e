// `import { z }` keeps every language and converter of zod in the Worker: 63 KB of gzip, measured with zod 4.6 and esbuild.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const src = join(import.meta.dirname, '../../../src')

it('the Worker imports zod as a namespace, of which only the parts in use are bundled', () => {
  const files = globSync('**/*.ts', { cwd: src })
  expect(files.length).toBeGreaterThan(50)
  const others = files.filter((file) =>
    /^import \{.*\} from 'zod'/m.test(readFileSync(join(src, file), 'utf8')),
  )
  expect(others).toEqual([])
})
