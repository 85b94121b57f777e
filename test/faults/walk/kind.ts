// What a kind of step is, and the shell of which most of them are made.

export interface Kind {
  name: string
  /** How often it is drawn beside the others; 1 when not said. */
  weight?: number
  /** A fault of the agent that this kind is known to meet, with where it is written down. Its failure is counted as open. */
  open?: string
  /** n: the number of the step, of which its names and tags are made. roll(k): a number from 0 to k - 1. */
  shell: (n: number, roll: Roll) => string
}

export type Roll = (n: number) => number

export const write = (n: number, file = `file-${n}.txt`, part = 1): string =>
  `mkdir -p "$(dirname -- "${file}")"; echo "tag-${n}-${part}" >> "./${file}"`

export const commit = (n: number): string => `git add -A; git commit -q -m "Step ${n}"`

/** The plan's own branch. */
export const OWN = `"$(git for-each-ref --format='%(refname:short)' 'refs/heads/agent/*' | head -n 1)"`

export const one = (roll: Roll, ...texts: string[]): string => texts[roll(texts.length)] ?? ''
