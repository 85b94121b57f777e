// docs/security.md says which test answers which threat, what each token opens and how large things may be. This keeps it true.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toMarkdown } from '../../worker/support/token-matrix.ts'

const root = join(import.meta.dirname, '../../..')
const doc = readFileSync(join(root, 'docs/security.md'), 'utf8')
const rowsOf = (heading: string) =>
  (doc.split(`## ${heading}`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
const source = (file: string) => readFileSync(join(root, file), 'utf8')
/** Formatting may have broken a long cell of the table. */
const squeezed = (text: string) => text.replaceAll(/\s+/g, ' ').trim()

describe('the table of threats', () => {
  const NUMBERS = Array.from({ length: 24 }, (_, index) => `T${index + 1}`)
  const answers = [...doc.matchAll(/^- (T\d+): (.*)$/gm)].map(([, number = '', tests = '']) => ({
    number,
    tests,
  }))

  it('has T1 to T24, and a test for each', () => {
    expect(rowsOf('Threats').map(([number]) => number)).toEqual(NUMBERS)
    expect(answers.map(({ number }) => number)).toEqual(NUMBERS)
  })

  it.each(answers)('$number names tests that exist', ({ tests }) => {
    const named = [...tests.matchAll(/`(test\/[^`]+)` "([^"]+)"/g)]
    expect(named.length).toBeGreaterThan(0)
    for (const [, file = '', title = ''] of named) {
      expect({ file, exists: existsSync(join(root, file)) }).toEqual({ file, exists: true })
      expect(source(file).replaceAll("\\'", "'"), `${file} has a test "${title}"`).toContain(title)
    }
  })
})

describe('the table of tokens', () => {
  it('is the one the Worker is tested against', () => {
    const shown = /<!-- token-matrix -->([\s\S]*)<!-- \/token-matrix -->/.exec(doc)?.[1] ?? ''
    const cells = (table: string) =>
      table
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('| -'))
        .map(squeezed)
    expect(cells(shown)).toEqual(cells(toMarkdown()))
  })
})

describe('the table of bounds', () => {
  it.each(rowsOf('Upper bounds'))('%s: %s', (_what, bound, where) => {
    const [, file = '', name = ''] = /`([^`]+)` `([^`]+)`/.exec(where ?? '') ?? []
    const [, value = ''] = new RegExp(`\\b${name}(?: =|:) ([0-9_ *]+)`).exec(source(file)) ?? []
    const product = value
      .replaceAll('_', '')
      .split('*')
      .reduce((all, one) => all * Number(one), 1)
    const [said = ''] = /[0-9][0-9,]*/.exec(bound ?? '') ?? []
    expect({ name, value: product }).toEqual({ name, value: Number(said.replaceAll(',', '')) })
  })
})
