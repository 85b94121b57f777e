// What is in a checkout at a moment: the tags in its files, and the commits that branches, heads, stashes and other working trees
// hold, with the tags that each brought. A shell script writes it down on the VM, as the plan's user; the rest is pure.

/** `sh SCRIPT NAME` in a checkout writes ~/looks/NAME. base: the commit where the plan began. */
export const lookScript = (base: string): string => String.raw`
mkdir -p ~/looks
g() { git -c core.quotePath=false -c core.fsmonitor=false "$@" 2> /dev/null; }
tips=$(
  g rev-parse --symbolic-full-name HEAD | sed 's/^/on /'
  g for-each-ref --format='tip %(objectname) %(refname:short)' refs/heads
  g log --walk-reflogs --format='tip %H %gd' refs/stash --
  g worktree list --porcelain | awk '/^worktree /{w=substr($0,10)} /^HEAD /{print "tip", $2, w}'
  g log --walk-reflogs --format='%gs' HEAD -- | awk '/^checkout: moving from [0-9a-f]+ to /&&length($4)==40{print "tip", $4, "a head that was left"}'
)
{
  echo "$tips"
  g log -p -c --root --text --no-ext-diff --no-textconv --no-color --format='commit %H %P' $(echo "$tips" | awk '/^tip /{print $2}') ^${base} -- \
    || g log -p -c --root --text --no-ext-diff --no-textconv --no-color --format='commit %H %P' $(echo "$tips" | awk '/^tip /{print $2}') --
  find "$PWD" ~/wt-* -name .git -prune -o -type f -exec grep -aoHE 'tag-[0-9]+-[0-9]+' {} + | sed "s|^$PWD/||; s/^/file /"
  find . -name .git -prune -o ! -readable ! -type l -print | sed 's|^\./||; s/^/shut /'
  g ls-files --others --ignored --exclude-standard | sed 's/^/ignored /'
} 2> /dev/null | grep -aE '^(on|tip|commit|file|shut|ignored) |^\+.*tag-' > ~/looks/$1
`

export interface Look {
  /** The branch that is checked out; null on a detached head. */
  branch: string | null
  /** A commit that something in the checkout points at, and what. */
  tips: { commit: string; name: string }[]
  /** Commits beyond the base: parents, and the tags in the lines they brought. */
  commits: Map<string, { parents: string[]; tags: string[] }>
  /** Tags in the files of the checkout and of other working trees, by path. */
  files: Map<string, string[]>
  /** Files and folders that the plan's user may not read. */
  shut: string[]
  /** Files that git ignores. */
  ignored: Set<string>
}

const TAG = /tag-\d+-\d+/g

export function readLook(text: string): Look {
  const look: Look = {
    branch: null,
    tips: [],
    commits: new Map(),
    files: new Map(),
    shut: [],
    ignored: new Set(),
  }
  let commit: { tags: string[] } = { tags: [] }
  for (const line of text.split('\n')) {
    const [word = '', first = '', ...rest] = line.split(' ')
    if (word === 'on') look.branch = first.replace('refs/heads/', '')
    else if (word === 'tip') look.tips.push({ commit: first, name: rest.join(' ') })
    else if (word === 'commit') {
      const entry = { parents: rest.filter((parent) => parent !== ''), tags: [] }
      look.commits.set(first, entry)
      commit = entry
    } else if (word === 'shut') look.shut.push(line.slice('shut '.length))
    else if (word === 'ignored') look.ignored.add(line.slice('ignored '.length))
    else if (line.startsWith('+')) commit.tags.push(...tagsIn(line))
    else if (word === 'file') {
      const end = line.lastIndexOf(':')
      const path = line.slice('file '.length, end)
      look.files.set(path, [...(look.files.get(path) ?? []), ...tagsIn(line.slice(end))])
    }
  }
  return look
}

export const tagsIn = (text: string): string[] => [...new Set(text.match(TAG) ?? [])]

/** The commits beyond the base that a commit holds, itself included. */
export function commitsBelow({ commits }: Look, tip: string): string[] {
  const found = new Set<string>()
  const queue = [tip]
  for (let commit = queue.pop(); commit !== undefined; commit = queue.pop()) {
    const entry = commits.get(commit)
    if (entry === undefined || found.has(commit)) continue
    found.add(commit)
    queue.push(...entry.parents)
  }
  return [...found]
}

/** Every tag that the checkout holds, in files or commits. */
export const allTags = (look: Look): Set<string> =>
  new Set([...look.files.values(), ...[...look.commits.values()].map(({ tags }) => tags)].flat())
