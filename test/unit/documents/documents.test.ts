// What the documents list is there: every link of every document, every npm script and every path they name.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'

const ROOT = join(import.meta.dirname, '../../..')
const documents = [
  'README.md',
  'AGENTS.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')))

it.each(documents)('%s links only to what is there', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8')
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, to]) => to ?? '')
  expect(links.filter((to) => !/^https?:/.test(to) && !existsSync(join(ROOT, dirname(name), to)))).toEqual([])
})

it.each(documents)('%s names only npm scripts that exist', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8')
  const named = [...text.matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, script]) => script ?? '')
  expect(named.filter((script) => scripts[script] === undefined)).toEqual([])
})

it('AGENTS.md stays under 150 lines, and its map names folders that exist', () => {
  const text = readFileSync(join(ROOT, 'AGENTS.md'), 'utf8')
  expect(text.split('\n').length).toBeLessThan(150)
  const paths = [...text.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`([a-z][\w./-]*\/[\w./-]*)`/g)].map(([, path]) => path ?? ''),
  )
  expect(paths.length).toBeGreaterThan(8)
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

it('no file was committed in the middle of a merge', () => {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0')
  const present = files.filter((file) => file !== '' && existsSync(join(ROOT, file)))
  expect(present.filter((file) => /^(<{7}|>{7}) /m.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([])
})
