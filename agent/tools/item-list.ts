// The parts of a large plan. The model names them, each with the command that shows it done; only that command, run by the harness
// and ending with 0, ticks it. Kept in plan.json in the plan's home.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../machine/durable.ts'
import { readPlainFile } from '../machine/plain-file.ts'

const Item = z.object({ what: z.string(), how_verified: z.string(), passes: z.boolean() })
export type Item = z.infer<typeof Item>
const PlanFile = z.object({ items: z.array(Item) })

export const MAX_ITEMS = 50

/** The list as it was written last; empty when there is none, or when it was made unreadable. */
export function readItems(home: string): Item[] {
  const file = itemsFile(home)
  if (!existsSync(file)) return []
  try {
    return PlanFile.parse(JSON.parse(readPlainFile(file, file).toString('utf8'))).items
  } catch {
    return [] // written by something else than us: a list nobody can read binds nobody
  }
}

export function writeItems(home: string, items: Item[]): void {
  writeDurably(itemsFile(home), `${JSON.stringify({ items }, null, 2)}\n`)
}

const itemsFile = (home: string): string => join(home, '.ralph/plan.json')

/** Pure. The new list: an item that stands in both word by word keeps its tick, any other has none. */
export function mergeItems(known: Item[], wanted: Pick<Item, 'what' | 'how_verified'>[]): Item[] {
  return wanted.map(({ what, how_verified }) => ({
    what,
    how_verified,
    passes: known.some((item) => item.what === what && item.how_verified === how_verified && item.passes),
  }))
}

/** Pure. Commands that end with 0 whatever the work is: no evidence. */
export function isEvidence(command: string): boolean {
  const parts = command.split(/&&|\|\||;|\||\n/).map((part) => part.trim())
  return parts.some(
    (part) => part !== '' && !/^(?:true|:|exit(?: 0)?|echo\b.*|printf\b.*|sleep\b.*|ls|pwd|#.*)$/.test(part),
  )
}

/** Pure. As the model reads it. */
export function describeItems(items: Item[]): string {
  return items
    .map(
      ({ what, how_verified, passes }, index) =>
        `${index + 1}. [${passes ? 'x' : ' '}] ${what} (shown by: ${how_verified})`,
    )
    .join('\n')
}
