// What the documents name is there: links and their anchors, npm scripts, paths. Tables hold words and numbers, not paragraphs.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cellsOf, ROOT, textOf } from './tables.ts'

const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
/** A program writes these; docs/gateway-git.md shows what git prints, word by word. */
const WRITTEN_BY_PROGRAMS = ['docs/clients.md', 'docs/mutation.md', 'docs/gateway-git.md']
const MAX_CELL = 120
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(textOf('package.json')))

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0')

/** As GitHub makes them of headings. */
const anchorsOf = (name: string): string[] =>
  [...textOf(name).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )

describe.each(documents)('%s', (name) => {
  const text = textOf(name)

  it('links only to what is there, headings included', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to ?? '')
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false
      const [to = '', anchor] = link.split('#')
      const path = to === '' ? name : normalize(join(dirname(name), to))
      if (!existsSync(join(ROOT, path))) return true
      return anchor !== undefined && !anchorsOf(path).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  it('names only npm scripts that exist', () => {
    const named = [...text.matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, script]) => script ?? '')
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([])
  })

  it('names only files that exist', () => {
    const named = [...text.matchAll(/`((?:src|agent|test|deploy|bench|docs|migrations)\/[\w./-]+)`/g)]
    const missing = named.map(([, path]) => path ?? '').filter((path) => !existsSync(join(ROOT, path)))
    expect(missing.filter((path) => path !== 'docs/GETTING_STARTED.md')).toEqual([])
    // A page about one part names its files from there: `machine/provision.ts`.
    const short = [...text.matchAll(/`([\w-]+(?:\/[\w.-]+)*\.ts)`/g)].map(([, path]) => path ?? '')
    expect(short.filter((path) => !tracked.some((file) => `/${file}`.endsWith(`/${path}`)))).toEqual([])
  })
})

it.each(documents.filter((name) => !WRITTEN_BY_PROGRAMS.includes(name)))(
  `%s has no table cell above ${MAX_CELL} characters`,
  (name) => {
    const shown = (cell: string) => cell.replaceAll(/\]\([^)]*\)/g, ']')
    const lines = textOf(name).split('\n')
    const cells = lines.flatMap((line) => (line.startsWith('|') ? cellsOf(line).map(shown) : []))
    expect(cells.filter((cell) => cell.length > MAX_CELL)).toEqual([])
  },
)

/** Words of our own, as a reader meets them; a program's page, and pages where a word means something else, are left out. */
const OWN_WORDS = /\b(?:doorbell|leases?|outbox|mirror|supervisor|checkpoints?|prover|hold-back)\b/i
const ELSEWHERE = ['docs/clients.md', 'docs/mutation.md', 'docs/testing.md', 'docs/architecture.md']

it.each(documents.filter((name) => OWN_WORDS.test(textOf(name)) && !ELSEWHERE.includes(name)))(
  '%s uses words of our own and links to the glossary',
  (name) => {
    expect(textOf(name)).toMatch(/architecture\.md#glossary/)
  },
)

describe('AGENTS.md', () => {
  const text = textOf('AGENTS.md')

  it('stays under 150 lines', () => {
    expect(text.split('\n').length).toBeLessThan(150)
  })

  it.each(['agent', 'src', 'src/workspace'])('its tree has a line for each room of %s', (folder) => {
    const tree = /```\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
    const [indent, from] = folder === 'src/workspace' ? ['    ', '  workspace/'] : ['  ', `${folder}/`]
    const below = tree.slice(tree.indexOf(`\n${from}`) + from.length + 1)
    const rooms: string[] = []
    for (const line of below.split('\n').slice(1)) {
      if (!line.startsWith(indent)) break
      const [, room] = new RegExp(`^${indent}([a-z]+)/`).exec(line) ?? []
      if (room !== undefined) rooms.push(room)
    }
    // Of tracked files: a checkout may keep an empty folder that was moved.
    const folders = tracked
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1).split('/'))
      .flatMap(([first = '', ...rest]) => (rest.length > 0 && first !== 'shared' ? [first] : []))
    expect(rooms.toSorted()).toEqual([...new Set(folders)].toSorted())
  })

  it('the evening walk is a walk of about 30 files', () => {
    const walk = text.split('## The evening walk')[1]?.split('\n## ')[0] ?? ''
    const files = [...walk.matchAll(/`([\w./-]+\.ts)`/g)].map(([, file]) => file ?? '')
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
    expect(files.length).toBeGreaterThan(25)
  })
})

it('the address to clone is a placeholder that stands in one place', () => {
  const named = documents.filter((name) => textOf(name).includes('YOUR-CLONE-URL'))
  expect(named).toEqual(['README.md'])
})

it('no file was committed in the middle of a merge', () => {
  const present = tracked.filter((file) => file !== '' && existsSync(join(ROOT, file)))
  expect(present.filter((file) => /^(<{7}|>{7}) /m.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([])
})
