// Public repositories, as names alone: nothing of theirs is kept here. Each has a real commit as the right work and one small mistake
// put into it as the wrong one. By hand: the tests pass at the commit and its parent, and fail with the mistake.

export interface RepositoryCase {
  /** owner/name on GitHub. */
  repository: string
  /** The right work. The plan starts at its first parent. */
  commit: string
  /** The mistake: on this line of the commit's file `from`, which stands there once, becomes `to`. */
  mutant: { file: string; line: number; from: string; to: string }
}

export const REPOSITORIES: RepositoryCase[] = [
  {
    repository: 'alexeyraspopov/picocolors',
    commit: '5b01210390006229a9c9f4622234d43124b9daeb',
    mutant: { file: 'picocolors.js', line: 1, from: ' || ', to: ' && ' },
  },
  {
    repository: 'component/emitter',
    commit: 'b34d74c7aeef326eeb452a3713b06ad20f92ebb4',
    mutant: { file: 'index.js', line: 45, from: ' || ', to: ' && ' },
  },
  {
    repository: 'google/uuid',
    commit: '2d3c2a9cc518326daf99a383f07c4d3c44317e4d',
    mutant: { file: 'time.go', line: 53, from: ' == ', to: ' != ' },
  },
  {
    repository: 'lukeed/mri',
    commit: '5437ea5cd9afcfcfe50c1c316aff990cac21231b',
    mutant: { file: 'lib/index.js', line: 50, from: ' || ', to: ' && ' },
  },
  {
    repository: 'mafintosh/pump',
    commit: '0c507239810b1e7f79ba0927ef78e90dd3a529e5',
    mutant: { file: 'index.js', line: 70, from: 'if (', to: 'if (!' },
  },
]
