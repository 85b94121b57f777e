// Reads the hunks of one file's difference: which lines came, which went, and where they stand. Pure.

export interface ChangedLine {
  kind: 'added' | 'removed' | 'kept'
  /** The line's number in the file where it stands: the new one, or for a removed line the old one. */
  line: number
  text: string
}

/** Returns the hunks of a text that begins with `@@`, each as its lines. */
export function hunksOf(text: string): ChangedLine[][] {
  const hunks: ChangedLine[][] = []
  let [before, after] = [0, 0]
  for (const row of text.split('\n')) {
    const start = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(row)
    if (start !== null) {
      ;[before, after] = [Number(start[1]), Number(start[2])]
      hunks.push([])
      continue
    }
    const hunk = hunks.at(-1)
    const content = row.slice(1)
    if (row.startsWith('+')) hunk?.push({ kind: 'added', line: after++, text: content })
    else if (row.startsWith('-')) hunk?.push({ kind: 'removed', line: before++, text: content })
    else if (row.startsWith(' ')) {
      hunk?.push({ kind: 'kept', line: after++, text: content })
      before++
    }
  }
  return hunks
}
