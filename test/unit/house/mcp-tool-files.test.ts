// A tool's file, its name and its constant are the same words, so that each can be guessed from the others.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const folder = new URL('../../../src/mcp/tools/', import.meta.url)
const files = readdirSync(folder).filter((file) => file !== 'index.ts')
const index = readFileSync(new URL('index.ts', folder), 'utf8')

describe('the tool files', () => {
  it.each(files)('%s holds the tool it is named after, and the catalog lists it', (file) => {
    const words = file.replace(/\.ts$/, '').split('-')
    const constant = words
      .map((word, at) => (at === 0 ? word : word[0]?.toUpperCase() + word.slice(1)))
      .join('')
    const source = readFileSync(new URL(file, folder), 'utf8')
    expect(source).toContain(`export const ${constant} = defineTool({\n  name: '${words.join('_')}',`)
    expect(index).toMatch(new RegExp(`^  ${constant},$`, 'm'))
  })
})
