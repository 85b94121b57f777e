// Reads the repository's instructions for agents: AGENTS.md, else CLAUDE.md with its imports, else other agents' files. Up to 8
// KB.
import { realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { clipText } from '../machine/output.ts'
import { readPlainFile } from '../machine/plain-file.ts'

const MAX_CHARS = 8 * 1024
const NAMES = ['AGENTS.md', 'CLAUDE.md', '.claude/CLAUDE.md', '.github/copilot-instructions.md', 'GEMINI.md']
/** Matches `@path` as a word of its own, which is how CLAUDE.md imports a file. */
const IMPORT = /(^|\s)@((?:\.{0,2}\/)?[\w./-]+\.\w+)(?=\s|$)/g
const MAX_IMPORTS = 5

export function readInstructions(checkout: string): string {
  for (const name of NAMES) {
    const text = readInside(checkout, name)?.trim()
    if (text === undefined || text === '') continue
    const imported = name.endsWith('CLAUDE.md') ? importsOf(checkout, name, text) : []
    return clipText([`${name}:\n${text}`, ...imported].join('\n\n'), MAX_CHARS)
  }
  return ''
}

function importsOf(checkout: string, name: string, text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '')
  const paths = [...prose.matchAll(IMPORT)].map(([, , path = '']) => join(dirname(name), path))
  return [...new Set(paths)].slice(0, MAX_IMPORTS).flatMap((path) => {
    const content = readInside(checkout, path)
    return content === null ? [] : [`${path}:\n${content.trim()}`]
  })
}

/** Returns a text file of the checkout; null when it is missing or a link leads out of the checkout. */
function readInside(checkout: string, path: string): string | null {
  try {
    const root = realpathSync(checkout)
    const real = realpathSync(join(root, path))
    if (!real.startsWith(root + sep) || real.startsWith(join(root, '.git') + sep)) return null
    return readPlainFile(real, path).toString('utf8')
  } catch {
    return null // the file is missing, no plain file, or too large
  }
}
