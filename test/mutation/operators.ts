// The mistakes we make on purpose, one list per kind of expression. Each answers with other texts for the node. What would only crash
// at once (null where no null may come, a method left out of an object) is no mistake worth a run and is left out by rule.
import { calledName, isProse, isSql, textOf } from './nodes.ts'
import type { Node } from './nodes.ts'
import { sqlChanges } from './sql.ts'
import type { Words } from './words.ts'

export interface Change {
  operator: string
  text: string
}

export interface Place {
  source: string
  /** Ways in which the parent uses the node. */
  isCondition: boolean
  isLoopCondition: boolean
  /** What the enclosing function may answer instead of a value: `null`, `undefined`, or nothing else (''). */
  emptyAnswer: string
  isAnswer: boolean
  words: Words
}

export function changesOf(node: Node, place: Place): Change[] {
  const text = (part: Node) => place.source.slice(part.start, part.end)
  const changes = [
    ...comparison(node, text),
    ...logic(node, text),
    ...literal(node, place, text),
    ...call(node, text),
  ]
  if (place.isCondition) {
    if (!place.isLoopCondition) changes.push({ operator: 'condition true', text: 'true' })
    changes.push({ operator: 'condition false', text: 'false' })
    // The negation of a comparison is its flip, of `!x` its plain form: both are there already.
    if (node.type !== 'BinaryExpression' && node.type !== 'UnaryExpression' && !place.isLoopCondition)
      changes.push({ operator: 'condition negated', text: `!(${text(node)})` })
  }
  if (place.isAnswer && place.emptyAnswer !== '' && text(node) !== place.emptyAnswer)
    changes.push({ operator: 'answer emptied', text: place.emptyAnswer })
  return changes
}

const BOUNDARY: Record<string, string> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' }
const FLIP: Record<string, string> = {
  '===': '!==',
  '!==': '===',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
}
const ARITHMETIC: Record<string, string> = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '**': '*' }

type TextOf = (part: Node) => string

function comparison(node: Node, text: TextOf): Change[] {
  if (node.type !== 'BinaryExpression') return []
  const { left, right, operator } = node
  const swapped = (to: string) => `${text(left)} ${to} ${text(right)}`
  const changes: Change[] = []
  const [boundary, flip, other] = [BOUNDARY[operator], FLIP[operator], ARITHMETIC[operator]]
  if (boundary !== undefined) changes.push({ operator: 'boundary', text: swapped(boundary) })
  if (flip !== undefined) changes.push({ operator: 'comparison flipped', text: swapped(flip) })
  const joins = operator === '+' && [left, right].some((part) => textOf(part) !== null)
  if (other !== undefined && !joins) changes.push({ operator: 'arithmetic', text: swapped(other) })
  return changes
}

function logic(node: Node, text: TextOf): Change[] {
  if (node.type === 'UnaryExpression') {
    if (node.operator === '!' || node.operator === '-')
      return [{ operator: `${node.operator} dropped`, text: text(node.argument) }]
    if (node.operator === 'void') return [{ operator: 'act dropped', text: 'undefined' }]
    return []
  }
  if (node.type === 'AssignmentExpression') {
    const other = node.operator === '+=' ? '-=' : node.operator === '-=' ? '+=' : null
    return other === null
      ? []
      : [{ operator: 'arithmetic', text: `${text(node.left)} ${other} ${text(node.right)}` }]
  }
  if (node.type !== 'LogicalExpression') return []
  const [left, right] = [text(node.left), text(node.right)]
  if (node.operator === '??') return [{ operator: '?? dropped', text: left }]
  const other = node.operator === '&&' ? '||' : '&&'
  return [
    { operator: '&& <-> ||', text: `(${left}) ${other} (${right})` },
    { operator: 'term dropped', text: left },
    { operator: 'term dropped', text: right },
  ]
}

/** From here on a number is a time or a size, and one more or less means nothing to anybody. */
const LARGE = 1_000

function literal(node: Node, { source, words }: Place, text: TextOf): Change[] {
  if (node.type === 'Literal' && 'regex' in node && node.regex !== null) return anchors(text(node))
  const value = node.type === 'Literal' ? node.value : null
  if (typeof value === 'boolean') return [{ operator: 'boolean', text: String(!value) }]
  if (typeof value === 'number')
    return [{ operator: 'number', text: String(value >= LARGE ? value * 2 : value + 1) }]
  const said = textOf(node)
  if (said === null || isProse(node)) return []
  if (isSql(said)) return sqlChanges(source.slice(node.start, node.end))
  if (node.type !== 'Literal') return []
  return [{ operator: 'word', text: JSON.stringify(words.get(said) ?? `${said}~`) }]
}

function anchors(regex: string): Change[] {
  const changes: Change[] = []
  if (regex.startsWith('/^')) changes.push({ operator: 'anchor dropped', text: regex.replace('/^', '/') })
  const end = /\$(\/[a-z]*)$/
  if (end.test(regex)) changes.push({ operator: 'anchor dropped', text: regex.replace(end, '$1') })
  return changes
}

const OTHER_CALL: Record<string, string> = {
  some: 'every',
  every: 'some',
  min: 'max',
  max: 'min',
  startsWith: 'endsWith',
}
/** Methods that answer with the same kind of thing they are called on. */
const NARROWING = ['filter', 'toSorted', 'slice', 'subarray', 'trim', 'replace', 'padStart']

function call(node: Node, text: TextOf): Change[] {
  const name = calledName(node)
  if (name === null || node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return []
  const { object, property } = node.callee
  const other = Object.hasOwn(OTHER_CALL, name) ? OTHER_CALL[name] : undefined
  if (other !== undefined) {
    const after = text(node).slice(property.end - node.start)
    return [{ operator: `${name} -> ${other}`, text: `${text(object)}.${other}${after}` }]
  }
  return NARROWING.includes(name) ? [{ operator: `${name} dropped`, text: text(object) }] : []
}
