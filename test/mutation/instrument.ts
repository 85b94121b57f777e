// One copy of a source that holds all its mutants: at each place `(__m(17) ? (mutated) : (original))`. Only one mutant is ever active,
// so the mutated side is the plain source, and only the original side goes on inside.
import { parseSync } from 'oxc-parser'
import { calledName, childrenOf, isProse } from './nodes.ts'
import type { Node } from './nodes.ts'
import { changesOf } from './operators.ts'
import type { Change } from './operators.ts'
import type { Words } from './words.ts'

export interface MutantPoint {
  id: number
  file: string
  line: number
  operator: string
  before: string
  after: string
  /** Evaluated once, when the module is loaded. */
  onLoad: boolean
}

export interface Instrumented {
  code: string
  points: MutantPoint[]
}

/** Says which mutant is active, and keeps which were asked about. The setup file sets the number (select.ts). */
const PRELUDE =
  'const __m = (id) => { const all = (globalThis.__mutation ??= { active: 0, reached: new Set() }); all.reached.add(id); return all.active === id }; '

interface Where {
  parent: Node | null
  key: string
  emptyAnswer: string
  /** On the way down the left side of `a?.b.c()`: a bracket there would end the short cut too early. */
  inChain: boolean
  inFunction: boolean
}

export function instrument(file: string, source: string, words: Words, firstId: number): Instrumented {
  const { program, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message ?? 'no syntax tree'}`)
  const points: MutantPoint[] = []

  const note = (node: Node, { operator, text }: Change, { inFunction }: Where): number => {
    const before = source.slice(node.start, node.end)
    const line = source.slice(0, node.start).split('\n').length
    points.push({
      id: firstId + points.length,
      file,
      line,
      operator,
      before,
      after: text,
      onLoad: !inFunction,
    })
    return firstId + points.length - 1
  }

  const inside = (node: Node, where: Where): string => {
    let [code, at] = ['', node.start]
    for (const { key, child } of childrenOf(node)) {
      if (child.start < at) continue // `{ wait }` has the name twice
      code += source.slice(at, child.start) + render(child, below(node, key, where))
      at = child.end
    }
    return code + source.slice(at, node.end)
  }

  const render = (node: Node, where: Where): string => {
    const isLogged = calledName(node.type === 'ExpressionStatement' ? node.expression : node) === 'log'
    if (isLogged || isProse(node) || node.type === 'ImportDeclaration')
      return source.slice(node.start, node.end)
    if (node.type === 'ExpressionStatement' || node.type === 'ThrowStatement') {
      const id = note(node, { operator: 'statement dropped', text: '' }, where)
      if (node.type === 'ThrowStatement') return `if (!__m(${id})) ${inside(node, where)}`
      return `__m(${id}) ? undefined : (${render(node.expression, below(node, 'expression', where))})`
    }
    if (node.type === 'Property' && where.parent?.type === 'ObjectExpression') return property(node, where)
    if (node.type === 'SpreadElement' && where.parent?.type === 'ObjectExpression') {
      const id = note(node, { operator: 'property dropped', text: '' }, where)
      return `...(__m(${id}) ? {} : (${render(node.argument, below(node, 'argument', where))}))`
    }
    const changes = where.inChain || isName(where) ? [] : changesOf(node, placeOf(where, source, words))
    const code = inside(node, where)
    if (changes.length === 0) return code
    const choices = changes.map((change) => `__m(${note(node, change, where)}) ? (${change.text}) : `)
    return `(${choices.join('')}(${code}))`
  }

  const property = (node: Extract<Node, { type: 'Property' }>, where: Where): string => {
    const code = inside(node, where)
    const spreads =
      where.parent?.type === 'ObjectExpression' &&
      where.parent.properties.some(({ type }) => type === 'SpreadElement')
    if (isFunction(node.value) || isProse(node.value) || (!spreads && isPlain(node.value))) return code
    return `...(__m(${note(node, { operator: 'property dropped', text: '' }, where)}) ? {} : { ${code} })`
  }

  const code = inside(program, { parent: null, key: '', emptyAnswer: '', inChain: false, inFunction: false })
  return { code: source.slice(0, program.start) + PRELUDE + code + source.slice(program.end), points }

  function below(node: Node, key: string, where: Where): Where {
    const onSpine =
      key === 'object' || key === 'callee' || (node.type === 'ChainExpression' && key === 'expression')
    const inChain = onSpine && (where.inChain || node.type === 'ChainExpression')
    return {
      parent: node,
      key,
      emptyAnswer: isFunction(node) ? emptyAnswer(node, source) : where.emptyAnswer,
      inChain,
      inFunction: where.inFunction || isFunction(node),
    }
  }
}

const isFunction = (node: Node): boolean =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression'

/** Without a spread below it, leaving out a false or null leaves what reads like it, and a whole object only crashes. */
const isPlain = (node: Node): boolean =>
  node.type === 'ObjectExpression' ||
  (node.type === 'Literal' && (node.value === false || node.value === null))

/** A key, a member's name, a pattern: no place for an expression. */
const isName = ({ parent, key }: Where): boolean =>
  (parent?.type === 'Property' && key === 'key' && !parent.computed) ||
  (parent?.type === 'MemberExpression' && key === 'property' && !parent.computed) ||
  (parent?.type === 'AssignmentExpression' && key === 'left')

/** What its declared type lets a function answer with when it has nothing to say. */
function emptyAnswer(node: Node, source: string): string {
  if (!('returnType' in node) || node.returnType === null || node.returnType === undefined) return ''
  const type = source.slice(node.returnType.start, node.returnType.end)
  if (/\bnull\b/.test(type)) return 'null'
  return /\b(?:undefined|void)\b/.test(type) ? 'undefined' : ''
}

function placeOf({ parent, key, emptyAnswer: empty }: Where, source: string, words: Words) {
  const isLoopCondition =
    key === 'test' && (parent?.type === 'ForStatement' || parent?.type === 'WhileStatement')
  const isCondition =
    isLoopCondition ||
    (key === 'test' && (parent?.type === 'IfStatement' || parent?.type === 'ConditionalExpression'))
  return {
    source,
    words,
    isCondition,
    isLoopCondition,
    emptyAnswer: empty,
    isAnswer: parent?.type === 'ReturnStatement',
  }
}
