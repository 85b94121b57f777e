// docs/gateway-git.md: real git through the real gateway and the real object at real `git http-backend`, row by row as the document
// says. UPDATE_DOCS=1 writes the rows anew; read the difference before committing it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GIT_CASES } from '../support/git-cases.ts'
import { runCase } from '../support/git-table.ts'
import { createObjectLab } from '../support/object-lab.ts'
import type { ObjectLab } from '../support/object-lab.ts'

const FILE = join(import.meta.dirname, '../../../docs/gateway-git.md')
const TABLE = /(<!-- git-table -->\n)([\s\S]*)(\n<!-- \/git-table -->)/
const HEAD = ['| What | Typed | Outcome | What git prints |', '| --- | --- | --- | --- |']
const doc = readFileSync(FILE, 'utf8')
const said = (TABLE.exec(doc)?.[2] ?? '').split('\n').slice(HEAD.length)
const isUpdate = process.env['UPDATE_DOCS'] === '1'

let lab: ObjectLab
const found: string[] = []
beforeAll(async () => void (lab = await createObjectLab()))
afterAll(async () => {
  await lab.close()
  if (isUpdate && found.length === GIT_CASES.length)
    writeFileSync(
      FILE,
      doc.replace(TABLE, (_all, start, _rows, end) => `${start}${[...HEAD, ...found].join('\n')}${end}`),
    )
})

describe('the table of real git against the gateway', () => {
  it('has a row for each case, in its order', () => {
    const names = said.map((row) => row.split(' | ')[0]?.slice(2))
    expect(isUpdate ? [] : names).toEqual(isUpdate ? [] : GIT_CASES.map(({ name }) => name))
  })

  it.each(GIT_CASES.map((one, at) => ({ ...one, at })))(
    '$name: ends as the table says',
    async (one) => {
      const { cells } = await runCase(lab, one)
      const row = `| ${cells.join(' | ')} |`
      found.push(row)
      expect(row).toBe(isUpdate ? row : said[one.at])
    },
    600_000,
  )
})
