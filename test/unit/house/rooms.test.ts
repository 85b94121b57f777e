// The walls of the house: rooms import downwards only, no room becomes a warehouse, and each file says what it is.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'

/** From the ground up: a room imports itself and the rooms before it. `loose` files may import every room. */
const HOUSES = [
  {
    folder: 'agent',
    rooms:
      'machine git plan documents checks results users sandbox model publish proof tools briefing loop attempt slot supervisor',
    loose: ['main.ts', 'build.ts', 'build-slim.ts'],
  },
  {
    folder: 'src/workspace',
    rooms: 'records store core outbox leases plans machine registration health',
    loose: ['workspace.ts', 'reconcile.ts', 'contract.ts'],
  },
  {
    folder: 'src/gateway',
    rooms: 'frame git model',
    loose: ['routes.ts', 'sync.ts', 'diff.ts', 'delivery.ts'],
  },
  { folder: 'src/mcp', rooms: 'kit tools', loose: null },
]
/** Types that doors read: every room of the workspace may name them. */
const CONTRACT = 'src/workspace/contract.ts'
const MAX_FILES = 16
const MAX_LINES = 300

const root = join(import.meta.dirname, '../../..')
const files = ['agent', 'src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path: join(folder, path), text: readFileSync(join(root, folder, path), 'utf8') })),
)

function imports({ path, text }: { path: string; text: string }): string[] {
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)
  return [...specifiers].map(([, specifier = '']) => join(dirname(path), specifier))
}

for (const { folder, rooms: names, loose } of HOUSES) {
  const rooms = names.split(' ')
  /** -1: a loose file; Infinity: a folder that is no room. */
  const floor = (path: string): number => {
    const [first = '', ...rest] = relative(folder, path).split('/')
    if (rest.length === 0) return -1
    return rooms.includes(first) ? rooms.indexOf(first) : Infinity
  }
  const inside = files.filter(({ path }) => path.startsWith(`${folder}/`))

  it(`${folder}: a room imports only itself and the rooms below it (${rooms.join(' < ')})`, () => {
    const upwards = inside.flatMap((file) =>
      imports(file)
        .filter((target) => target.startsWith(`${folder}/`) && target !== CONTRACT && floor(file.path) >= 0)
        .filter((target) => floor(target) === -1 || floor(target) > floor(file.path))
        .map((target) => `${file.path} imports ${target}, which stands above it`),
    )
    expect(upwards).toEqual([])
  })

  it(`${folder}: every file stands in a room`, () => {
    const homeless = inside
      .map(({ path }) => path)
      .filter((path) => floor(path) === Infinity || (floor(path) === -1 && isStray(path)))
    expect(homeless).toEqual([])
  })

  const isStray = (path: string) => loose !== null && !loose.includes(relative(folder, path))
}

it(`no folder holds more than ${MAX_FILES} files`, () => {
  const counts = Map.groupBy(files, ({ path }) => dirname(path))
  const full = [...counts].filter(([, held]) => held.length > MAX_FILES)
  expect(full.map(([folder, held]) => `${folder} holds ${held.length} files`)).toEqual([])
})

it(`no file is longer than ${MAX_LINES} lines`, () => {
  const long = files.filter(({ text }) => text.split('\n').length > MAX_LINES + 1)
  expect(long.map(({ path }) => path)).toEqual([])
})

it('every file opens with a sentence that says what it is', () => {
  const silent = files.filter(({ text }) => !/^\/\/ \S.*(?:\n\/\/.*)*\.\n/.test(text))
  expect(silent.map(({ path }) => path)).toEqual([])
})
