// Reads the report files that a check's processes left. They come from the code under test: each is bounded, and one that cannot
// be read makes the whole telling null, because a part of the tests would look like missing ones.
import { closeSync, constants, fstatSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { decodeUtf8, parseJson } from '../../src/shared/json.ts'
import { readJunit } from './junit.ts'
import type { NamedResult, TestState } from './test-results.ts'

export interface ToldResult extends NamedResult {
  /** Who told it: node, mocha, jest, vitest, pytest, unittest, junit. */
  runner: string
}

const MAX_REPORT_BYTES = 32 * 1024 * 1024
const MAX_REPORTS = 5_000
/** Processes name their reports after the processes above, the time at which they began, and their id. */
const REPORT = /^(?:\d{1,16}-\d{1,10}\+)*\d{1,16}-\d{1,10}\.jsonl?$/

const Line = z.tuple([z.string(), z.enum(['passed', 'failed', 'skipped']), z.array(z.string()).min(1)])
const JestReport = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(
        z.object({ ancestorTitles: z.array(z.string()), title: z.string(), status: z.string() }),
      ),
    }),
  ),
})

/** Returns what the processes told, in the order in which they began; null when a report cannot be read. */
export function readReports(folder: string): ToldResult[] | null {
  const all = reportsIn(folder)
  if (all === null || all.length > MAX_REPORTS) return null
  const processes = new Set(all.map((name) => name.replace(/\.jsonl?$/, '')))
  // What a test starts in turn is no part of the check.
  const names = all.filter((name) => !above(name).some((process) => processes.has(process)))
  const told: ToldResult[] = []
  let leftBytes = MAX_REPORT_BYTES
  for (const name of names) {
    const text = readBounded(join(folder, name), leftBytes)
    if (text === null) return null
    leftBytes -= Buffer.byteLength(text)
    const part = name.endsWith('.jsonl') ? readLines(text) : readJestJson(text, 'vitest')
    if (part === null) return null
    told.push(...part)
  }
  return told
}

const above = (name: string): string[] => [...name.matchAll(/\+/g)].map(({ index }) => name.slice(0, index))

/** null when the folder cannot be read: the code under test may have removed it. */
function reportsIn(folder: string): string[] | null {
  try {
    return readdirSync(folder)
      .filter((name) => REPORT.test(name))
      .toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  } catch {
    return null
  }
}

/** Returns the results of one report of jest's shape, which vitest writes too; null when it is none. */
export function readJestJson(text: string, runner: 'jest' | 'vitest'): ToldResult[] | null {
  const report = JestReport.safeParse(parseJson(text))
  if (!report.success) return null
  return report.data.testResults.flatMap(({ name, status, assertionResults }) =>
    assertionResults.length === 0 && status === 'failed'
      ? [{ runner, path: [name], state: 'failed' as const }]
      : assertionResults.map((test) => ({
          runner,
          path: [name, ...test.ancestorTitles, test.title],
          state: toState(test.status),
        })),
  )
}

/** Returns the results of a JUnit report; null when it is none. */
export function readJunitReport(text: string): ToldResult[] | null {
  const cases = readJunit(text)
  if (cases === null) return null
  return cases.map(({ name, classname, file, state }) => {
    const module = file.replace(/\.py$/, '').replaceAll(/[\\/]/g, '.')
    const isModule = file.endsWith('.py') && (classname === module || classname.startsWith(`${module}.`))
    const inner = isModule ? classname.slice(module.length + 1).split('.') : [classname]
    return { runner: 'junit', path: [file, ...inner, name].filter((part) => part !== ''), state }
  })
}

/** Returns the text of a regular file of at most maxBytes; null for anything else. */
export function readBounded(file: string, maxBytes: number = MAX_REPORT_BYTES): string | null {
  let fd: number
  try {
    // A link or a FIFO could lead anywhere or block for ever.
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return null // there is no report
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > maxBytes) return null
    const bytes = Buffer.alloc(stat.size)
    let length = 0
    while (length < bytes.byteLength) {
      const got = readSync(fd, bytes, length, bytes.byteLength - length, null)
      if (got === 0) break
      length += got
    }
    return decodeUtf8(bytes.subarray(0, length))
  } finally {
    closeSync(fd)
  }
}

function readLines(text: string): ToldResult[] | null {
  const told: ToldResult[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const parsed = Line.safeParse(parseJson(line))
    if (!parsed.success) return null
    const [runner, state, path] = parsed.data
    told.push({ runner, path, state })
  }
  return told
}

const toState = (status: string): TestState =>
  status === 'passed' || status === 'failed' ? status : 'skipped'
