// The same kinds of mistakes inside SQL. A change keeps the number of `?`: otherwise the statement would only fail to run.
import type { Change } from './operators.ts'

const RULES: { operator: string; find: RegExp; put: (...found: string[]) => string }[] = [
  { operator: 'SQL boundary', find: /(?<=\s)(<=|>=|<|>)(?=\s)/g, put: (sign) => BOUNDARY[sign ?? ''] ?? '' },
  { operator: 'SQL AND', find: /\bAND\b/g, put: () => 'OR' },
  { operator: 'SQL OR', find: /(?<!INSERT )\bOR\b/g, put: () => 'AND' },
  { operator: 'SQL NOT dropped', find: /\bNOT IN\b/g, put: () => 'IN' },
  { operator: 'SQL WHERE dropped', find: /\bWHERE (?=\S)(?![^(]*\) ORDER)/g, put: () => 'WHERE 1 OR ' },
  { operator: 'SQL ORDER dropped', find: /\s+ORDER BY \w+(?: DESC)?/g, put: () => '' },
  { operator: 'SQL order turned', find: /ORDER BY \w+(?: DESC)?/g, put: (order) => turned(order ?? '') },
  { operator: 'SQL LIMIT widened', find: /LIMIT (\?|\d+)/g, put: (_, most) => `LIMIT ${most ?? ''} + 1000` },
  { operator: 'SQL OR IGNORE dropped', find: / OR IGNORE\b/g, put: () => '' },
  { operator: 'SQL OR REPLACE dropped', find: / OR REPLACE\b/g, put: () => '' },
  { operator: 'SQL + 1 dropped', find: / \+ 1\b/g, put: () => '' },
  {
    operator: 'SQL MAX <-> MIN',
    find: /\b(MAX|MIN)\(/g,
    put: (_, name) => (name === 'MAX' ? 'MIN(' : 'MAX('),
  },
  { operator: 'SQL update to nothing', find: /DO UPDATE SET .*(?=['"`]$)/g, put: () => 'DO NOTHING' },
  {
    operator: 'SQL column kept',
    find: /(\w+) = excluded\.\w+/g,
    put: (_, column) => `${column} = ${column}`,
  },
  {
    operator: 'SQL column kept',
    find: SET_COLUMN(),
    put: (_, column) => `${column} = COALESCE(${column}, ?)`,
  },
  { operator: 'SQL number', find: /(?<=[\s,(=])\d+(?=[\s,)'"`])/g, put: (number) => `${Number(number) + 1}` },
  { operator: 'SQL word', find: /(?<=VALUES .*)'[a-z]+'/g, put: (word) => `${(word ?? '').slice(0, -1)}_'` },
]

/** A column set to a `?` in an UPDATE, not one asked for in its WHERE. */
function SET_COLUMN(): RegExp {
  return /(?<=^['"`]UPDATE \w+ SET (?:(?!WHERE).)*)\b(\w+) = \?/g
}

const BOUNDARY: Record<string, string> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' }
const turned = (order: string): string => (order.endsWith(' DESC') ? order.slice(0, -5) : `${order} DESC`)

/** For the literal as written, quotes included: every place of every rule, one at a time. */
export function sqlChanges(written: string): Change[] {
  return RULES.flatMap(({ operator, find, put }) =>
    [...written.matchAll(find)].map((found) => ({
      operator,
      text: written.slice(0, found.index) + put(...found) + written.slice(found.index + found[0].length),
    })),
  )
}
