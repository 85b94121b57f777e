// Reads JUnit's XML strictly: pytest, phpunit and others write it. No document type, no entities but the five of XML, so that a
// report cannot grow while it is read. Anything else is malformed.
import type { TestState } from './test-results.ts'

export interface JunitCase {
  name: string
  classname: string
  /** The file as the runner names it; empty when it does not. */
  file: string
  state: TestState
}

const MAX_DEPTH = 64
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
const ATTRIBUTE = /\s+([\w:.-]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const TAG_NAME = /[A-Za-z_][\w:.-]*/y

/** Returns the test cases in their order; null when the text is no such report. */
export function readJunit(xml: string): JunitCase[] | null {
  try {
    return read(xml)
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

class Malformed extends Error {}

function read(xml: string): JunitCase[] {
  const cases: JunitCase[] = []
  const open: string[] = []
  let current: JunitCase | null = null
  let isBegun = false
  for (let at = xml.indexOf('<'); at !== -1; at = xml.indexOf('<', at)) {
    const skipped = afterUnread(xml, at)
    if (skipped !== null) {
      at = skipped
      continue
    }
    const tag = readTag(xml, at)
    at = tag.end
    if (tag.isClosing) {
      if (open.pop() !== tag.name) throw new Malformed()
      if (tag.name === 'testcase') current = null
      continue
    }
    if (!isBegun && tag.name !== 'testsuites' && tag.name !== 'testsuite') throw new Malformed()
    if (isBegun && open.length === 0) throw new Malformed()
    isBegun = true
    const { name } = tag
    if (name === 'testcase') {
      const { attributes } = tag
      current = {
        name: attributes.get('name') ?? '',
        classname: attributes.get('classname') ?? attributes.get('class') ?? '',
        file: attributes.get('file') ?? '',
        state: 'passed',
      }
      cases.push(current)
    } else if (current !== null && (name === 'failure' || name === 'error')) current.state = 'failed'
    else if (current !== null && name === 'skipped' && current.state === 'passed') current.state = 'skipped'
    if (tag.isEmpty) {
      if (name === 'testcase') current = null
      continue
    }
    open.push(name)
    if (open.length > MAX_DEPTH) throw new Malformed()
  }
  if (!isBegun || open.length > 0) throw new Malformed()
  return cases
}

/** Returns where a comment, an instruction or raw text ends that begins here; null when a tag begins here. */
function afterUnread(xml: string, at: number): number | null {
  for (const [start, end] of [
    ['<!--', '-->'],
    ['<![CDATA[', ']]>'],
    ['<?', '?>'],
  ] as const) {
    if (!xml.startsWith(start, at)) continue
    const found = xml.indexOf(end, at + start.length)
    if (found === -1) throw new Malformed()
    return found + end.length
  }
  return null
}

interface Tag {
  name: string
  attributes: Map<string, string>
  isClosing: boolean
  isEmpty: boolean
  end: number
}

function readTag(xml: string, start: number): Tag {
  const isClosing = xml[start + 1] === '/'
  TAG_NAME.lastIndex = start + (isClosing ? 2 : 1)
  const name = TAG_NAME.exec(xml)?.[0]
  if (name === undefined) throw new Malformed()
  const attributes = new Map<string, string>()
  let at = TAG_NAME.lastIndex
  for (;;) {
    ATTRIBUTE.lastIndex = at
    const found = ATTRIBUTE.exec(xml)
    if (found === null) break
    attributes.set(found[1] ?? '', decode(found[2] ?? found[3] ?? ''))
    at = ATTRIBUTE.lastIndex
  }
  while (/\s/.test(xml[at] ?? '')) at += 1
  const isEmpty = xml[at] === '/'
  if (isEmpty) at += 1
  if (xml[at] !== '>' || (isClosing && (isEmpty || attributes.size > 0))) throw new Malformed()
  return { name, attributes, isClosing, isEmpty, end: at + 1 }
}

function decode(text: string): string {
  return text.replaceAll(/&([^;&]{0,12};)?/g, (_, rest: string | undefined) => {
    const entity = rest?.slice(0, -1) ?? ''
    const number = /^#(?:(\d{1,7})|x([\da-fA-F]{1,6}))$/.exec(entity)
    if (number === null) {
      const known = Object.hasOwn(ENTITIES, entity) ? ENTITIES[entity] : undefined
      if (known === undefined) throw new Malformed()
      return known
    }
    const code = number[1] === undefined ? Number.parseInt(number[2] ?? '', 16) : Number(number[1])
    if (code === 0 || code > 0x10ffff) throw new Malformed()
    return String.fromCodePoint(code)
  })
}
