// The item list of a large plan, kept in plan.json in the plan's home. The model names the items, each with a command that shows it
// done. An item is ticked only when the agent runs that command and it ends with 0.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../machine/durable.ts'
import { readPlainFile } from '../machine/plain-file.ts'

const Item = z.object({ what: z.string(), how_verified: z.string(), passes: z.boolean() })
export type Item = z.infer<typeof Item>
const PlanFile = z.object({ items: z.array(Item) })

export const MAX_ITEMS = 50

/** Returns the list as last written; empty when there is none or the file is damaged. */
export function readItems(home: string): Item[] {
  const file = itemsFile(home)
  if (!existsSync(file)) return []
  try {
    return PlanFile.parse(JSON.parse(readPlainFile(file, file).toString('utf8'))).items
  } catch {
    return [] // something else overwrote the file: the plan goes on without a list
  }
}

export function writeItems(home: string, items: Item[]): void {
  writeDurably(itemsFile(home), `${JSON.stringify({ items }, null, 2)}\n`)
}

const itemsFile = (home: string): string => join(home, '.ralph/plan.json')

/** Pure. Returns the new list. An item that is in both lists, word by word, keeps its tick; any other has none. */
export function mergeItems(known: Item[], wanted: Pick<Item, 'what' | 'how_verified'>[]): Item[] {
  return wanted.map(({ what, how_verified }) => ({
    what,
    how_verified,
    passes: known.some((item) => item.what === what && item.how_verified === how_verified && item.passes),
  }))
}

/** Pure. Returns false for a command that ends with 0 whatever the work is, such as `true` or `echo`. */
export function isEvidence(command: string): boolean {
  const parts = command.split(/&&|\|\||;|\||\n/).map((part) => part.trim())
  return parts.some(
    (part) => part !== '' && !/^(?:true|:|exit(?: 0)?|echo\b.*|printf\b.*|sleep\b.*|ls|pwd|#.*)$/.test(part),
  )
}

/** Pure. Returns the list as the model reads it. */
export function describeItems(items: Item[]): string {
  return items
    .map(
      ({ what, how_verified, passes }, index) =>
        `${index + 1}. [${passes ? 'x' : ' '}] ${what} (shown by: ${how_verified})`,
    )
    .join('\n')
}
