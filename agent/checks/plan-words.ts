// Reads from a plan's text what it allows to change. Pure and narrow, because "make the tests pass" does not mean "change them".

/** The text without fenced blocks: what stands there is code to use, not a wish. */
export const withoutFences = (text: string): string =>
  text.replaceAll(/^([`~]{3,})[^\n]*\n[\s\S]*?(?:^\1[^\n]*$|$(?![\s\S]))/gm, '')

const VERB =
  '(?:update|adapt|adjust|change|rewrite|edit|modify|replace|remove|delete|rename|move|migrate|drop|extend)'
const FILLER =
  '(?:(?:the|all|any|its|their|our|these|those|existing|old|affected|outdated|obsolete|unit|integration|e2e|corresponding|related|relevant|matching)\\s+)*'
const NEGATION = /\b(?:not|never|without|n't|no)\b/i

/** Does it ask for tests (or this file) to be changed? They must be the object of the verb, in a sentence that negates nothing. */
export function mayChangeTests(planText: string, path?: string): boolean {
  const object =
    path === undefined
      ? '(?:tests?|specs?|test suite|snapshots?|checks?)\\b(?!\\s*(?:pass|green|run|command))'
      : `\`?(?:[\\w./-]*/)?${escape(nameOf(path))}`
  const asks = new RegExp(`\\b${VERB}\\s+${FILLER}${object}`, 'i')
  return planText
    .split(/(?<=[.!?;])\s+|\n/)
    .some((sentence) => asks.test(sentence) && !NEGATION.test(sentence))
}

/** Does it name this file? */
export const names = (planText: string, path: string): boolean =>
  planText.toLowerCase().includes(nameOf(path).toLowerCase())

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
