// The words of our states, kinds and reasons: read from the types and schemas themselves, so that a word is exchanged for one that
// could really stand in its place.
import { parseSync } from 'oxc-parser'
import { calledName, textOf } from './nodes.ts'
import type { Node } from './nodes.ts'

/** A word → the next one of the first list it stands in. */
export type Words = Map<string, string>

export function readWords(sources: string[]): Words {
  const words: Words = new Map()
  for (const source of sources)
    walk(parseSync('words.ts', source).program, (node) => {
      const list = listOf(node)
      for (const [at, word] of list.entries()) {
        const next = list[(at + 1) % list.length]
        if (next !== undefined && next !== word && !words.has(word)) words.set(word, next)
      }
    })
  return words
}

function listOf(node: Node): string[] {
  if (node.type === 'TSUnionType')
    return node.types.flatMap((type) => (type.type === 'TSLiteralType' ? wordIn(type.literal) : []))
  const [first] = node.type === 'CallExpression' && calledName(node) === 'enum' ? node.arguments : []
  return first?.type === 'ArrayExpression'
    ? first.elements.flatMap((one) => (one === null ? [] : wordIn(one)))
    : []
}

const wordIn = (node: Node): string[] => {
  const text = textOf(node)
  return text === null ? [] : [text]
}

/** Every node, types among them: the lists of words are mostly types. */
function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const value of Object.values(node) as unknown[])
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof child === 'object' && child !== null && 'type' in child) walk(child as Node, visit)
}
