// Pure: builds commands that a person pastes into a shell. Every word is quoted, because names come from strangers' repositories.

/** Returns one POSIX shell word. Between single quotes everything is literal; a quote itself is closed, escaped and opened again. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) && !text.startsWith('-')
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Returns commands that merge one branch locally and push the base, for a clone whose remote may have any name. */
export function mergeCommands(gitRemote: string, base: string, branch: string): string[] {
  const [remote, ref] = [shellWord(gitRemote), shellWord(`refs/heads/${branch}`)]
  return [
    `git fetch ${remote} ${ref}`,
    `git switch ${shellWord(base)}`,
    `git merge --no-ff -m ${shellWord(`Merge ${branch}`)} FETCH_HEAD`,
    `git push ${remote} ${shellWord(`HEAD:refs/heads/${base}`)}`,
  ]
}
