// The mistakes that break YAML in practice, without a YAML parser: tabs, unclosed quotes and brackets, `a: b: c`, text after a
// closed quote, a line that is no `key: value`, a key twice. What it does not understand it lets pass. Pure.

const BLOCK = /(?:^|[\s:-])[|>][+-]?\d?[+-]?\s*(?:#.*)?$/
const KEY = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#"'[\]{},&*!|>%@`-][^#]*?|-[^\s#][^#]*?)\s*:(?:\s+|$)/

/** null: nothing found. shape: a mapping at the top (front matter), or any document. */
export function yamlProblem(text: string, shape: 'mapping' | 'document'): string | null {
  const lines = text.split(/\r?\n/)
  const keys = new Set<string>()
  let blockIndent: number | null = null
  let isMapping = shape === 'mapping'
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    const indent = line.length - line.trimStart().length
    const content = line.trim()
    if (content === '' || (blockIndent !== null && indent > blockIndent)) continue
    blockIndent = null
    if (content.startsWith('#') || line.startsWith('%')) continue
    if (/^(?:---|\.\.\.)(?:\s|$)/.test(line)) {
      keys.clear()
      isMapping = shape === 'mapping'
      continue
    }
    if (/^ *\t/.test(line)) return `a tab as indentation: ${excerpt(content)}`
    const key = KEY.exec(withoutDashes(content))?.[0]
    if (indent === 0 && !content.startsWith('- ') && content !== '-') {
      if (key === undefined && isMapping && !/^[\]}?:&!*]/.test(content))
        return `no "key: value": ${excerpt(content)}`
      if (key !== undefined) {
        isMapping = true
        const name = key.replace(/\s*:\s*$/, '')
        if (keys.has(name)) return `${excerpt(name)} stands there twice`
        keys.add(name)
      }
    }
    const value = withoutDashes(content).slice(key?.length ?? 0)
    if (BLOCK.test(value === '' ? content : ` ${value}`)) {
      blockIndent = indent
      continue
    }
    const read = readValue(lines, index, value, key !== undefined)
    if (typeof read === 'string') return read
    index = read.lastLine
  }
  return null
}

type ReadValue = { lastLine: number } | string

/** A quoted or bracketed value may go on over several lines; a plain one must not hold `: `. */
function readValue(lines: string[], index: number, value: string, hasKey: boolean): ReadValue {
  const first = value[0] ?? ''
  if (first === '"' || first === "'" || first === '[' || first === '{') {
    let whole = value
    for (let last = index; last < lines.length; last++) {
      if (last > index) whole += `\n${lines[last] ?? ''}`
      const rest = first === '"' || first === "'" ? afterQuote(whole, first) : afterBrackets(whole)
      if (rest === null) continue
      // A quoted key inside of a list entry, or a key without a space: not for us to judge.
      const isFine = /^\s*(?:$|#|:)/.test(rest)
      return isFine || !hasKey ? { lastLine: last } : `text after the end of ${excerpt(whole)}`
    }
    return `${first} is not closed: ${excerpt(value)}`
  }
  if (hasKey && /^[@`%]/.test(value)) return `a value cannot begin with ${first}: ${excerpt(value)}`
  const plain = value.replace(/\s#.*$/, '')
  return hasKey && /:(?:\s|$)/.test(plain) && !/^[&*!?]/.test(value)
    ? `": " in a value without quotes: ${excerpt(value)}`
    : { lastLine: index }
}

function afterQuote(text: string, quote: string): string | null {
  const closed = quote === '"' ? /^"(?:[^"\\]|\\[\s\S])*"/ : /^'(?:[^']|'')*'/
  const found = closed.exec(text)?.[0]
  return found === undefined ? null : text.slice(found.length)
}

function afterBrackets(text: string): string | null {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    const isStart = /[\s[{,:]/.test(text[at - 1] ?? ' ')
    if ((char === '"' || char === "'") && isStart) {
      const rest = afterQuote(text.slice(at), char)
      if (rest === null) return null
      at = text.length - rest.length - 1
    } else if (char === '#' && /\s/.test(text[at - 1] ?? ' '))
      at = (text.indexOf('\n', at) + 1 || text.length + 1) - 1
    else if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') {
      depth--
      if (depth === 0) return text.slice(at + 1)
    }
  }
  return null
}

const withoutDashes = (content: string): string => content.replace(/^(?:-\s+)+/, '')

const excerpt = (text: string): string =>
  (text.length <= 60 ? text : `${text.slice(0, 60)}…`).split('\n')[0] ?? ''
