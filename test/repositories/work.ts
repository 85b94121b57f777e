// Reads the right and the wrong work of a case from a mirror of its repository. The mirror is only read.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RepositoryCase } from './repositories.ts'

export interface Work {
  mirror: string
  /** The commit that the plan starts from. */
  base: string
  /** The commit's message in plain words. */
  plan: string
  /** What `git apply` takes to make the base the right work. */
  patch: Buffer
  /** The mutant's whole file. */
  mutated: Buffer
  /** Object of each path that the commit changes; null: it removes it. */
  changed: Map<string, string | null>
}

const MAX_BYTES = 64 * 1_048_576
/** Lines for machines and for the people of that repository. */
const TRAILER = /^(?:[A-Za-z-]+-by|fix(?:es|ed)?|close[sd]?|resolves?|refs?|see|pr-url|issue):?\s.*$/gim

/** Finds the mirror, or clones it. Errors: throws when it cannot be cloned or lacks the commit, or when the mutant does not fit. */
export function readWork(mirrors: string, { repository, commit, mutant }: RepositoryCase): Work {
  const mirror = join(mirrors, repository.replace('/', '+'))
  if (!existsSync(mirror))
    execFileSync('git', ['clone', '--quiet', '--mirror', `https://github.com/${repository}`, mirror])
  const git = (...args: string[]): Buffer =>
    execFileSync('git', ['--git-dir', mirror, ...args], { maxBuffer: MAX_BYTES })
  const base = git('rev-parse', '--verify', `${commit}^1`).toString().trim()
  return {
    mirror,
    base,
    plan: toPlain(git('log', '-1', '--format=%B', commit).toString()),
    patch: git('diff', '--binary', '--full-index', '--no-renames', '--no-ext-diff', base, commit),
    mutated: mutate(git('show', `${commit}:${mutant.file}`), mutant, repository),
    changed: readChanged(git('diff', '--raw', '-z', '--no-abbrev', '--no-renames', base, commit).toString()),
  }
}

/** "fix(parse): keep nulls (#12)" becomes "Keep nulls". Fences go, because the scripted model would take them for its script. */
export function toPlain(message: string): string {
  const [subject = '', ...body] = message
    .replaceAll('```', '')
    .replaceAll(TRAILER, '')
    .replace(/^\w+(?:\([^)]*\))?!?:\s+/, '')
    .replaceAll(/\s*\(#\d+\)|\[[\w ]+\]\s*/g, '')
    .trim()
    .split('\n')
  return `${subject.charAt(0).toUpperCase()}${subject.slice(1)}\n${body.join('\n')}`.trim()
}

/** Each record is `:{mode} {mode} {object} {object} {status}`, NUL, the path, NUL. */
function readChanged(raw: string): Map<string, string | null> {
  const records = [...raw.matchAll(/:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) \w+\0([^\0]+)\0/g)]
  return new Map(
    records.map(([, mode = '', object = '', path = '']) => [path, mode === '000000' ? null : object]),
  )
}

function mutate(content: Buffer, { file, line, from, to }: RepositoryCase['mutant'], name: string): Buffer {
  const lines = content.toString('utf8').split('\n')
  const old = lines[line - 1] ?? ''
  if (old.split(from).length !== 2) throw new Error(`${name}: ${file}:${line} does not hold ${from} once.`)
  lines[line - 1] = old.replace(from, () => to)
  return Buffer.from(lines.join('\n'))
}
