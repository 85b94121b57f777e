// Compares two commits as GitHub does: the commits and files between them. It reads them with real git.
import type { Repos } from '../git/repos.ts'

const MAX_COMMITS = 250
const MAX_FILES = 300
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
// Separators of fields and records; no commit message contains them.
const [FIELD, RECORD] = ['\u001F', '\u001E']
const FORMAT = ['%H', '%T', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%P', '%B'].join(FIELD) + RECORD

export type CommitInfo = {
  sha: string
  tree: string
  author: { name: string; email: string; date: string }
  committer: { name: string; email: string; date: string }
  parents: string[]
  message: string
}

/** Returns the commit of a branch, tag or id; null when there is none. A branch wins over a tag of the same name. */
export async function resolveCommit(repos: Repos, repo: string, name: string): Promise<string | null> {
  if (name === '' || name.startsWith('-')) return null
  for (const candidate of [
    `refs/heads/${name}`,
    `refs/tags/${name}`,
    ...(/^[0-9a-f]{7,64}$/.test(name) ? [name] : []),
  ]) {
    const found = await repos
      .git(repo, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${candidate}^{commit}`)
      .catch(() => '')
    if (found !== '') return found
  }
  return null
}

/** Returns the commits, oldest first. `range` is as in git log. */
export async function commitsIn(
  repos: Repos,
  repo: string,
  range: string,
  max = MAX_COMMITS,
): Promise<CommitInfo[]> {
  const text = await repos.git(
    repo,
    'log',
    `--format=${FORMAT}`,
    `--max-count=${max}`,
    '--topo-order',
    range,
    '--',
  )
  return text
    .split(RECORD)
    .map((record) => record.replace(/^\n/, ''))
    .filter((record) => record !== '')
    .map((record) => {
      const [
        sha = '',
        tree = '',
        an = '',
        ae = '',
        ad = '',
        cn = '',
        ce = '',
        cd = '',
        parents = '',
        message = '',
      ] = record.split(FIELD)
      return {
        sha,
        tree,
        author: { name: an, email: ae, date: ad },
        committer: { name: cn, email: ce, date: cd },
        parents: parents.split(' ').filter((parent) => parent !== ''),
        message: message.trimEnd(),
      }
    })
    .toReversed()
}

export type FileChange = {
  sha: string
  filename: string
  status: 'added' | 'removed' | 'modified' | 'renamed' | 'changed'
  additions: number
  deletions: number
  changes: number
  previous_filename?: string
  patch?: string
}

const STATUS = { A: 'added', D: 'removed', M: 'modified', R: 'renamed', T: 'changed' } as const

/** Files that differ; `from` null: all files of `to`. Only `patches` costs one git call a file. */
export async function filesBetween(
  repos: Repos,
  repo: string,
  from: string | null,
  to: string,
  patches: boolean,
): Promise<FileChange[]> {
  const trees = [from ?? EMPTY_TREE, to]
  const raw = await repos.git(repo, 'diff', '--raw', '--numstat', '-M', '-z', '--no-abbrev', ...trees, '--')
  const parts = raw.split('\0')
  const files: FileChange[] = []
  let at = 0
  for (; parts[at]?.startsWith(':');) {
    const [, , , sha = '', letter = 'M'] = (parts[at] ?? '').split(' ')
    const isRename = letter.startsWith('R')
    const [first = '', second = ''] = [parts[at + 1], parts[at + 2]]
    const kind = letter.charAt(0)
    files.push({
      sha,
      filename: isRename ? second : first,
      status: kind in STATUS ? STATUS[kind as keyof typeof STATUS] : 'changed', // the line above checks that it is a key
      additions: 0,
      deletions: 0,
      changes: 0,
      ...(isRename ? { previous_filename: first } : {}),
    })
    at += isRename ? 3 : 2
  }
  for (const file of files) {
    // "added<TAB>deleted<TAB>path", or for a rename an empty path and then both paths.
    const [added = '0', deleted = '0', path = ''] = (parts[at] ?? '').split('\t')
    file.additions = Number(added) || 0 // "-" for a binary file
    file.deletions = Number(deleted) || 0
    file.changes = file.additions + file.deletions
    at += path === '' ? 3 : 1
  }
  const shown = files.slice(0, MAX_FILES)
  if (patches)
    for (const file of shown) {
      const paths = [file.filename, ...(file.previous_filename === undefined ? [] : [file.previous_filename])]
      const diff = await repos.git(repo, '--literal-pathspecs', 'diff', '-M', ...trees, '--', ...paths)
      const start = diff.indexOf('\n@@ ')
      if (start >= 0) file.patch = diff.slice(start + 1)
    }
  return shown
}

/** Returns null when the two have no common ancestor; GitHub answers 404 then. */
export async function compareCommits(repos: Repos, repo: string, base: string, head: string) {
  const mergeBase = await repos.git(repo, 'merge-base', base, head).catch(() => '')
  if (mergeBase === '') return null
  const counts = await repos.git(repo, 'rev-list', '--left-right', '--count', `${base}...${head}`)
  const [behindBy = 0, aheadBy = 0] = counts.split('\t').map(Number)
  const apart = aheadBy === 0 ? 'behind' : behindBy === 0 ? 'ahead' : 'diverged'
  const [mergeBaseCommit] = await commitsIn(repos, repo, mergeBase, 1)
  return {
    status: aheadBy === 0 && behindBy === 0 ? 'identical' : apart,
    aheadBy,
    behindBy,
    mergeBaseCommit,
    commits: await commitsIn(repos, repo, `${base}..${head}`),
    files: await filesBetween(repos, repo, mergeBase, head, true),
  }
}
