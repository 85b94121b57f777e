// A copy of the project with all mutants in it; src itself is never touched. The caller deletes it.
import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { instrument } from './instrument.ts'
import type { MutantPoint } from './instrument.ts'
import { TARGETS, WORD_SOURCES } from './targets.ts'
import { COPIED_PARTS } from '../chaos/mutants.ts'
import { readWords } from './words.ts'

export interface Mutant extends MutantPoint {
  /** The same while the line stays as it is, wherever it moves. */
  key: string
}

export async function instrumentedCopy(root: string): Promise<{ dir: string; mutants: Mutant[] }> {
  const dir = await mkdtemp(join(tmpdir(), 'mutation-'))
  for (const part of COPIED_PARTS) await cp(join(root, part), join(dir, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
  const words = readWords(await Promise.all(WORD_SOURCES.map((file) => readFile(join(root, file), 'utf8'))))
  const mutants: Mutant[] = []
  for (const file of TARGETS) {
    const source = await readFile(join(root, file), 'utf8')
    const { code, points } = instrument(file, source, words, mutants.length + 1)
    await writeFile(join(dir, file), code)
    const lines = source.split('\n')
    const seen = new Map<string, number>()
    for (const point of points) {
      const key = keyOf(point, lines[point.line - 1] ?? '')
      const nth = (seen.get(key) ?? 0) + 1
      seen.set(key, nth)
      mutants.push({ ...point, key: nth === 1 ? key : `${key} (${nth})` })
    }
  }
  return { dir, mutants }
}

const keyOf = ({ file, operator, before, after }: MutantPoint, line: string): string =>
  [file, operator, line.trim(), `${squeezed(before)} -> ${squeezed(after)}`].join(' | ')

export const squeezed = (text: string): string => text.replace(/\s+/g, ' ')
