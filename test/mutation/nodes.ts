// What the operators ask of a syntax tree.
import { visitorKeys } from 'oxc-parser'
import type { Node } from 'oxc-parser'

export type { Node }

/** The nodes right below this one, with the property that holds each, in the order of the text. Types are left out: they do nothing. */
export function childrenOf(node: Node): { key: string; child: Node }[] {
  const found: { key: string; child: Node }[] = []
  for (const key of visitorKeys[node.type] ?? []) {
    const value: unknown = Reflect.get(node, key)
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child) && !isTypeOnly(child)) found.push({ key, child })
  }
  return found.toSorted((a, b) => a.child.start - b.child.start)
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value

const WITH_A_VALUE = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'])
const isTypeOnly = ({ type }: Node): boolean => type.startsWith('TS') && !WITH_A_VALUE.has(type)

/** The name of what is called: `log` of log(…), `filter` of xs.filter(…). */
export function calledName(node: Node): string | null {
  if (node.type !== 'CallExpression') return null
  const { callee } = node
  if (callee.type === 'Identifier') return callee.name
  return callee.type === 'MemberExpression' && callee.property.type === 'Identifier'
    ? callee.property.name
    : null
}

/** Words in a row, as for people: messages, details, errors. What is looked up or compared is one word. */
export function isProse(node: Node): boolean {
  const text = textOf(node)
  return text !== null && !isSql(text) && /[A-Za-z]{2,}[,.;:]? [A-Za-z]/.test(text)
}

export const isSql = (text: string): boolean => /^(SELECT|INSERT|UPDATE|DELETE) /.test(text)

/** The fixed text of a string or template; null for anything else. */
export function textOf(node: Node): string | null {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : null
  return node.type === 'TemplateLiteral' ? node.quasis.map(({ value }) => value.raw).join('\u0000') : null
}
