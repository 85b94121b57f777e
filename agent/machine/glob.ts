// Matches paths with patterns that come from a repository. Pure. It goes back to the last star only, so no pattern is slow.

/** `**` stands for any number of folders, `*` for any characters of one name, `anyOne` for any one character. All else stands for itself. */
export function matchesGlob(pattern: string, path: string, anyOne: string | null = null): boolean {
  return matchesAll(pattern.split('/'), path.split('/'), '**', (glob, name) =>
    matchesAll(
      Array.from(glob.replaceAll(/\*+/g, '*')),
      Array.from(name),
      '*',
      (one, other) => one === anyOne || one === other,
    ),
  )
}

/** True when the items match in their order, where `star` stands for any number of items. */
function matchesAll(
  pattern: readonly string[],
  items: readonly string[],
  star: string,
  isSame: (one: string, other: string) => boolean,
): boolean {
  let [at, back, tried] = [0, -1, 0]
  for (let n = 0; n < items.length;) {
    const wanted = pattern[at]
    if (wanted === star) {
      back = at++
      tried = n
    } else if (wanted !== undefined && isSame(wanted, items[n] ?? '')) {
      at++
      n++
    } else if (back === -1) return false
    else {
      at = back + 1
      n = ++tried
    }
  }
  return pattern.slice(at).every((rest) => rest === star)
}
