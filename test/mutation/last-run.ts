// What was caught so far, by mutant key, in .dev: `--survivors` asks only about the others. Two runs at once add to it together.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Mutant } from './copy.ts'
import { Verdict } from './hunt.ts'

const FILE = join(import.meta.dirname, '../../.dev/mutation.json')

export function readLast(): Map<string, Verdict> {
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '[]'
  return new Map(z.array(z.tuple([z.string(), Verdict])).parse(JSON.parse(text)))
}

export function saveLast(mutants: Mutant[], verdicts: Map<number, Verdict>): void {
  const last = readLast()
  for (const { id, key } of mutants) {
    const verdict = verdicts.get(id)
    if (verdict === undefined) last.delete(key)
    else last.set(key, verdict)
  }
  mkdirSync(dirname(FILE), { recursive: true })
  writeFileSync(FILE, JSON.stringify([...last], null, 1))
}
