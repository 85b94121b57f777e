// What an agent may do to its checkout, as data: each kind makes the shell text of one step. Whatever a step writes holds a tag of
// its own (tag-STEP-N), so that a lost piece of work is found by its tag, in any file and in any commit.
import { GIT_FOLDER_KINDS } from './git-folder-kinds.ts'
import { commit, one, OWN, write } from './kind.ts'
import type { Kind } from './kind.ts'

const BACK = ['', 'git checkout -q -', `git checkout -q ${OWN}`]
/** The newest branch beside the plan's own. */
const SIDE = `"$(git for-each-ref --sort=-creatordate --format='%(refname:short)' refs/heads/side-* | head -n 1)"`

/** Work, and where git keeps it. */
const WORK_KINDS: Kind[] = [
  { name: 'commit', weight: 4, shell: (n) => `${write(n)}\n${commit(n)}` },
  {
    name: 'new file',
    weight: 3,
    shell: (n, roll) => write(n, one(roll, `new-${n}.txt`, `deep/er/new ${n}.txt`, `-ünïcode-${n}.txt`)),
  },
  { name: 'change', weight: 2, shell: (n, roll) => write(n, one(roll, 'read.txt', 'src/one.txt')) },
  { name: 'staged change', shell: (n) => `${write(n)}\ngit add -A\n${write(n, `file-${n}.txt`, 2)}` },
  { name: 'intent to add', shell: (n) => `${write(n)}\ngit add -N file-${n}.txt` },
  {
    name: 'removed file',
    shell: (_, roll) => one(roll, 'git rm -q -f read.txt', 'rm -rf src', 'git mv src moved'),
  },
  { name: 'file for a folder', shell: (n) => `rm -rf src\n${write(n, 'src')}` },
  { name: 'ignored file', shell: (n) => write(n, `out-${n}.log`) },
  { name: 'ignores everything', shell: (n) => `${write(n)}\necho '*' >> .gitignore` },
  {
    name: 'branch',
    weight: 3,
    shell: (n, roll) => `git checkout -q -b side-${n}\n${write(n)}\n${commit(n)}\n${one(roll, ...BACK)}`,
  },
  { name: 'branch with uncommitted work', shell: (n) => `git checkout -q -b side-${n}\n${write(n)}` },
  { name: 'back to its branch', shell: () => `git checkout -q ${OWN}` },
  {
    name: 'detached head',
    weight: 3,
    shell: (n, roll) => `git checkout -q --detach\n${write(n)}\n${commit(n)}\n${one(roll, ...BACK)}`,
  },
  { name: 'orphan branch', shell: (n) => `git checkout -q --orphan side-${n}\n${write(n)}\n${commit(n)}` },
  { name: 'renamed branch', shell: (n) => `git branch -m side-${n}` },
  { name: 'deleted branch', shell: () => `git checkout -q --detach\ngit branch -q -D ${OWN}` },
  {
    name: 'stash',
    weight: 3,
    shell: (n, roll) =>
      `${write(n, 'read.txt', 1)}\n${write(n, `stashed-${n}.txt`, 2)}\ngit stash push -q ${one(roll, '', '-u', '--staged', '--keep-index')} -m "Put by ${n}"`,
  },
  { name: 'stash pop', shell: (_, roll) => `git stash ${one(roll, 'pop', 'apply', 'branch side-popped')}` },
  {
    name: 'worktree',
    weight: 2,
    shell: (n, roll) => {
      const place = one(roll, `~/wt-${n}`, `wt-${n}`)
      const what = one(roll, `-b side-${n}`, '--detach')
      const inside = `${write(n)}\n${one(roll, commit(n), '', `${commit(n)}\n${write(n, `more-${n}.txt`, 2)}`)}`
      return `git worktree add -q ${what} ${place} && cd ${place} || exit\n${inside}`
    },
  },
  {
    name: 'worktree folder removed',
    shell: () => 'rm -rf ~/wt-* wt-*',
  },
  { name: 'amend', shell: (n) => `${write(n)}\ngit add -A\ngit commit -q --amend --no-edit` },
  {
    name: 'reset',
    shell: (_, roll) => `git reset -q ${one(roll, '--soft', '--mixed', '--keep')} HEAD~1`,
  },
]

const CONFLICT = (n: number): string =>
  [
    `git checkout -q -b side-${n}`,
    `echo "tag-${n}-1" > read.txt`,
    commit(n),
    'git checkout -q -',
    `echo "tag-${n}-2" > read.txt`,
    commit(n),
  ].join('\n')

/** Two lines of work that meet. */
const MERGE_KINDS: Kind[] = [
  { name: 'merge', weight: 2, shell: () => `git merge -q --no-edit ${SIDE}` },
  { name: 'squash', shell: () => `git merge -q --squash ${SIDE}` },
  { name: 'rebase', shell: () => `git rebase -q ${SIDE}` },
  { name: 'cherry-pick', shell: () => `git cherry-pick ${SIDE}` },
  { name: 'merge in conflict', shell: (n) => `${CONFLICT(n)}\ngit merge side-${n}` },
  { name: 'rebase in conflict', shell: (n) => `${CONFLICT(n)}\ngit rebase side-${n}` },
  { name: 'cherry-pick in conflict', shell: (n) => `${CONFLICT(n)}\ngit cherry-pick side-${n}` },
  {
    name: 'conflict resolved',
    shell: (n) =>
      `${CONFLICT(n)}\ngit merge side-${n}\n${write(n, 'read.txt', 3)}\nsed -i '/^[<=>]\\{7\\}/d' read.txt\n${commit(n)}`,
  },
  {
    name: 'operation ended',
    shell: (_, roll) =>
      one(
        roll,
        'git merge --abort; git rebase --abort; git cherry-pick --abort',
        `sed -i '/^[<=>]\\{7\\}/d' read.txt; git add -A; git rebase --continue || git cherry-pick --continue || git commit -q --no-edit`,
      ),
  },
  {
    name: 'interactive rebase stopped',
    shell: (n) =>
      `${write(n)}\n${commit(n)}\nGIT_SEQUENCE_EDITOR="sed -i 1s/pick/edit/" git rebase -q -i HEAD~1`,
  },
  { name: 'bisect', shell: (n) => `${write(n)}\n${commit(n)}\ngit bisect start HEAD HEAD~1` },
  {
    name: 'revert in progress',
    shell: (n) =>
      `${write(n)}\n${commit(n)}\n${write(n, `file-${n}.txt`, 2)}\n${commit(n)}\ngit revert --no-commit HEAD~1`,
  },
]

export const KINDS: readonly Kind[] = [...WORK_KINDS, ...MERGE_KINDS, ...GIT_FOLDER_KINDS]
