// Reads TAP from a command's output: bats, tape, tap, node:test before version 23, and prove's programs write it. Pure.
import type { NamedResult, TestState } from './test-results.ts'

interface Level {
  /** The subtest that has begun and not ended. Its tests stand one indentation further in. */
  subtest: string | null
  results: number
}

const POINT = /^ *(not )?ok\b ?(?:\d+)?(?: - | -$| )?(.*)$/
const PLAN = /^1\.\.(\d+)(?:\s+#.*)?$/
const SUBTEST = /^ *# Subtest: (.*)$/
const INDENT = 4

/**
 * Returns the tests of all TAP documents in the output. Null when a document's plan is not met or there is none, because a part of
 * the tests would look like missing ones.
 */
export function parseTap(output: string): NamedResult[] | null {
  const results: NamedResult[] = []
  const levels: Level[] = [{ subtest: null, results: 0 }]
  let planned: number | null = null
  let isPlanMet = true
  let plans = 0
  let yamlIndent: number | null = null
  /** The indentation of the point in the line before. */
  let pointIndent: number | null = null
  /** The last comment at the top, by which tape names a test. */
  let title: string | null = null
  const isTape = /^# tests \d+$/m.test(output) && /^# pass +\d+$/m.test(output)
  const endDocument = (): void => {
    if (planned !== null && planned !== levels[0]?.results) isPlanMet = false
    planned = null
    levels.splice(0, levels.length, { subtest: null, results: 0 })
  }
  const levelAt = (at: number): Level => {
    const level = levels[at] ?? { subtest: null, results: 0 }
    levels.splice(at, Infinity, level)
    return level
  }
  for (const line of output.split('\n')) {
    const indent = line.search(/[^ ]|$/)
    if (yamlIndent !== null) {
      if (indent === yamlIndent && line.trim() === '...') yamlIndent = null
      continue
    }
    if (line.trim() === '---' && pointIndent !== null && indent > pointIndent) {
      yamlIndent = indent
      continue
    }
    pointIndent = null
    const at = indent / INDENT
    const isOpen = (one: number) => (levels[one]?.subtest ?? null) !== null
    const plan = PLAN.exec(line)
    if (plan !== null || /^TAP version \d+$/.test(line)) {
      // bats writes its plan first, others last.
      if (plan === null || planned !== null) endDocument()
      if (plan === null) continue
      planned = Number(plan[1])
      plans += 1
      continue
    }
    const subtest = SUBTEST.exec(line)?.[1]
    if (subtest !== undefined && Number.isInteger(at)) {
      // Some indent the comment like the tests of the subtest.
      levelAt(at > 0 && !isOpen(at - 1) ? at - 1 : at).subtest = toName(subtest)
      continue
    }
    if (line.trim() === '}' && isOpen(at)) levelAt(at).subtest = null
    if (indent === 0 && isTape && line.startsWith('# ')) title = line.slice(2).trim()
    const point = POINT.exec(line)
    // What a test prints may look like a point, but no subtest is open there.
    if (point === null || !Number.isInteger(at) || (at > 0 && !isOpen(at - 1))) continue
    pointIndent = indent
    if (at === 0 && planned !== null && levels[0]?.results === planned) endDocument()
    const hasChildren = isOpen(at) && (levels[at + 1]?.results ?? 0) > 0
    const level = levelAt(at)
    level.results += 1
    const text = point[2] ?? ''
    const { name, state } = describePoint(text.replace(/ \{$/, ''), point[1] === undefined)
    // The tests of such a subtest follow its point.
    level.subtest = text.endsWith(' {') ? name : null
    // A parent only repeats how its children ended.
    if ((hasChildren || level.subtest !== null) && state !== 'skipped') continue
    const above = levels.slice(0, at).map((one) => one.subtest ?? '')
    results.push({ path: [...(title === null ? [] : [title]), ...above, name], state })
  }
  endDocument()
  return plans === 0 || !isPlanMet || results.length === 0 ? null : results
}

function describePoint(text: string, isOk: boolean): { name: string; state: TestState } {
  const directive = /(?:^|\s)# *(?:skip|todo)\b/i.exec(text)
  const name = toName(directive === null ? text : text.slice(0, directive.index))
  return {
    name: name === '' ? 'unnamed test' : name,
    state: directive !== null ? 'skipped' : isOk ? 'passed' : 'failed',
  }
}

/** bats and tap may add the time of a test. */
const toName = (text: string): string =>
  text
    .replace(/ in \d+m?s(?:ec)?$| # time=[\d.]+m?s$/, '')
    .replaceAll(String.raw`\#`, '#')
    .trim()
