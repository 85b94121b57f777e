// What an agent may do to its checkout, as data: each kind makes the shell text of one step. Whatever a step writes holds a tag of
// its own (tag-STEP-N), so that a lost piece of work is found by its tag, in any file and in any commit.

export interface Dice {
  /** A number from 0 to n - 1. */
  roll: (n: number) => number
}

export interface Kind {
  name: string
  /** How often it is drawn beside the others; 1 when not said. */
  weight?: number
  /** A fault of the agent that this kind is known to meet. It is drawn only when it is asked for. */
  open?: string
  /** n: the number of the step, of which its names and tags are made. */
  shell: (n: number, dice: Dice) => string
}

const tag = (n: number, part = 1): string => `tag-${n}-${part}`
const write = (n: number, file = `file-${n}.txt`, part = 1): string =>
  `mkdir -p "$(dirname "${file}")"; echo "${tag(n, part)}" >> "${file}"`
const commit = (n: number): string => `git add -A; git commit -q -m "Step ${n}"`
const OWN = `"$(git for-each-ref --format='%(refname:short)' 'refs/heads/agent/*' | head -n 1)"`
const one = ({ roll }: Dice, ...texts: string[]): string => texts[roll(texts.length)] ?? ''

export const KINDS: readonly Kind[] = [
  { name: 'commit', weight: 3, shell: (n) => `${write(n)}\n${commit(n)}` },
  {
    name: 'new file',
    weight: 2,
    shell: (n, dice) => write(n, one(dice, `new-${n}.txt`, `deep/er/new ${n}.txt`)),
  },
  { name: 'change', shell: (n) => write(n, 'README.md') },
  {
    name: 'branch',
    weight: 2,
    shell: (n, dice) =>
      `git checkout -q -b side-${n}\n${write(n)}\n${commit(n)}\n${one(dice, '', 'git checkout -q -', `git checkout -q ${OWN}`)}`,
  },
  {
    name: 'detached head',
    weight: 2,
    shell: (n, dice) =>
      `git checkout -q --detach\n${write(n)}\n${commit(n)}\n${one(dice, '', 'git checkout -q -', `git checkout -q ${OWN}`)}`,
  },
  {
    name: 'stash',
    weight: 2,
    shell: (n, dice) =>
      `${write(n, 'README.md', 1)}\n${write(n, `stashed-${n}.txt`, 2)}\ngit stash push -q ${one(dice, '', '-u', '--staged', '--keep-index')} -m "Put by ${n}"`,
  },
]
