// Finds the fenced code blocks of a Markdown text, as CommonMark does: a fence of three or more backticks or tildes, closed by
// one at least as long of the same kind, or by the end of the text. Indented fences count too (a block inside a list).

export type Fence = { info: string; text: string }

/** Returns the blocks in order. `text` has LF line ends, no indentation of the fence and no line end at the end. */
export function findFences(markdown: string): Fence[] {
  const fences: Fence[] = []
  let open: { indent: number; mark: string; info: string; lines: string[] } | null = null
  for (const line of markdown.split(/\r?\n/)) {
    if (open !== null) {
      if (isClosing(line, open.mark)) {
        fences.push({ info: open.info, text: open.lines.join('\n') })
        open = null
      } else {
        open.lines.push(unindent(line, open.indent))
      }
      continue
    }
    const match = /^([ \t]*)(`{3,}|~{3,})(.*)$/.exec(line)
    const mark = match?.[2] ?? ''
    const info = (match?.[3] ?? '').trim()
    // A backtick in the info string makes it inline code, not a fence.
    if (match === null || (mark.startsWith('`') && info.includes('`'))) continue
    open = { indent: match[1]?.length ?? 0, mark, info, lines: [] }
  }
  if (open !== null) fences.push({ info: open.info, text: open.lines.join('\n').trimEnd() })
  return fences
}

function isClosing(line: string, mark: string): boolean {
  const trimmed = line.trim()
  return trimmed.length >= mark.length && trimmed === mark.charAt(0).repeat(trimmed.length)
}

function unindent(line: string, indent: number): string {
  let cut = 0
  while (cut < indent && (line[cut] === ' ' || line[cut] === '\t')) cut += 1
  return line.slice(cut)
}
