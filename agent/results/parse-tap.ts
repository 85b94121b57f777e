// Reads TAP from a command's output: bats, tape, tap, node:test before version 23, and prove's programs write it. Pure.
import type { TestState } from './test-results.ts'

export interface TapResult {
  path: string[]
  state: TestState
}

interface Level {
  /** Names of subtests that have begun and not ended, by their indentation. */
  subtest: string | null
  results: number
}

const POINT = /^( *)(not )?ok\b ?(\d+)?(?: - | -$| )?(.*)$/
const PLAN = /^( *)1\.\.(\d+)(?:\s+#.*)?$/
const SUBTEST = /^( *)# Subtest: (.*)$/
const INDENT = 4

/**
 * Returns the tests of all TAP documents in the output. Null when a document's plan is not met or there is none, because a part of
 * the tests would look like missing ones.
 */
export function parseTap(output: string): TapResult[] | null {
  const results: TapResult[] = []
  const levels: Level[] = [{ subtest: null, results: 0 }]
  let planned: number | null = null
  let isPlanMet = true
  let plans = 0
  let yamlIndent: number | null = null
  /** The last comment at the top, by which tape names a test. */
  let title: string | null = null
  const isTape = /^# tests \d+$/m.test(output) && /^# pass +\d+$/m.test(output)
  const endDocument = (): void => {
    if (planned !== null && planned !== (levels[0]?.results ?? 0)) isPlanMet = false
    planned = null
    levels.splice(0, levels.length, { subtest: null, results: 0 })
  }
  for (const line of output.split('\n')) {
    const indent = /^ */.exec(line)?.[0].length ?? 0
    if (yamlIndent !== null) {
      if (indent === yamlIndent && line.trim() === '...') yamlIndent = null
      continue
    }
    if (line.trim() === '---' && indent > 0) {
      yamlIndent = indent
      continue
    }
    if (/^TAP version \d+$/.test(line)) {
      endDocument()
      continue
    }
    const subtest = SUBTEST.exec(line)
    if (subtest !== null) {
      levelAt(levels, indent).subtest = subtest[2] ?? ''
      levels.length = indent / INDENT + 1
      continue
    }
    const plan = PLAN.exec(line)
    if (plan !== null) {
      if (indent > 0) continue
      // bats writes its plan first, others last.
      if (planned !== null) endDocument()
      planned = Number(plan[2])
      plans += 1
      continue
    }
    if (indent === 0 && isTape && line.startsWith('# ')) title = line.slice(2).trim()
    const point = POINT.exec(line)
    if (point === null || indent % INDENT !== 0) continue
    if (indent === 0 && planned !== null && levels[0]?.results === planned) endDocument()
    const level = levelAt(levels, indent)
    level.results += 1
    const { name, state } = describePoint(point[4] ?? '', point[2] === undefined)
    const isSubtestEnd = level.subtest !== null && (levels[indent / INDENT + 1]?.results ?? 0) > 0
    const above = levels.slice(0, indent / INDENT).map((one) => one.subtest ?? '')
    levels.length = indent / INDENT + 1
    level.subtest = null
    // A parent only repeats how its children ended.
    if (isSubtestEnd && state !== 'skipped') continue
    results.push({ path: [...(title === null ? [] : [title]), ...above, name], state })
  }
  endDocument()
  return plans === 0 || !isPlanMet || results.length === 0 ? null : results
}

function levelAt(levels: Level[], indent: number): Level {
  const at = Math.floor(indent / INDENT)
  while (levels.length <= at) levels.push({ subtest: null, results: 0 })
  return levels[at] ?? { subtest: null, results: 0 }
}

function describePoint(text: string, isOk: boolean): { name: string; state: TestState } {
  const directive = /(?:^|\s)# *(skip|todo)\b(.*)$/i.exec(text)
  const named = directive === null ? text : text.slice(0, directive.index)
  // bats may add the time of a test.
  const name = named
    .replace(/ in \d+m?s(?:ec)?$/, '')
    .replaceAll(String.raw`\#`, '#')
    .trim()
  return {
    name: name === '' ? 'unnamed test' : name,
    state: directive === null ? (isOk ? 'passed' : 'failed') : 'skipped',
  }
}
