// Reports the files that a plan leaves in ~/evidence (screenshots, reports) to its history: name, size, SHA-256, and for text files
// the beginning of the text. The files stay on the VM and are not committed.
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { clipText } from '../machine/output.ts'
import { readPlainFile } from '../machine/plain-file.ts'
import type { PlanContext } from '../plan/plan-context.ts'

const MAX_FILES = 20
const MAX_FILE_BYTES = 5 * 1024 * 1024
const MAX_TOTAL_BYTES = 20 * 1024 * 1024
const MAX_SHOWN_CHARS = 1_500
const TEXTS = new Set(['.txt', '.md', '.json', '.log', '.csv', '.yml', '.yaml'])

/** Reports one event per file, and one more for the files left out. An unreadable file is skipped: evidence decides nothing. */
export function reportEvidence({ home, report }: PlanContext): void {
  const folder = join(home, 'evidence')
  let [bytes, shown] = [0, 0]
  const leftOut: string[] = []
  for (const name of listFiles(folder)) {
    const file = join(folder, name)
    const size = lstatSync(file, { throwIfNoEntry: false })?.size ?? 0
    if (shown >= MAX_FILES || size > MAX_FILE_BYTES || bytes + size > MAX_TOTAL_BYTES) {
      leftOut.push(name)
      continue
    }
    const content = readFile(file)
    if (content === null) continue
    bytes += content.byteLength
    shown++
    const text = TEXTS.has(extname(name).toLowerCase()) ? `\n${content.toString('utf8')}` : ''
    report({
      kind: 'event',
      type: 'evidence',
      text: clipText(`${name} (${content.byteLength} bytes)${text}`, MAX_SHOWN_CHARS),
      data: {
        file: clipText(name, 200),
        bytes: content.byteLength,
        sha256: createHash('sha256').update(content).digest('hex'),
      },
    })
  }
  if (leftOut.length > 0)
    report({
      kind: 'event',
      type: 'evidence',
      text: clipText(
        `Left out, over ${MAX_FILES} files, 5 MB for one or 20 MB together: ${leftOut.join(', ')}`,
        MAX_SHOWN_CHARS,
      ),
    })
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .toSorted()
  } catch {
    return [] // the plan left no evidence folder
  }
}

function readFile(file: string): Buffer | null {
  try {
    return readPlainFile(file, file)
  } catch {
    return null // the file was removed or replaced meanwhile
  }
}
