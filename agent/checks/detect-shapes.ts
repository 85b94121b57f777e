// The types that all detectors return: set-up commands, checks and notes.
export type ProjectKind =
  | 'node'
  | 'python'
  | 'rust'
  | 'go'
  | 'make'
  | 'other'
  | 'obsidian'
  | 'documents'
  | 'unknown'

export interface SetupCommand {
  /** Runs in bash, in the checkout, as the plan's user. */
  command: string
  timeoutMs: number
  /** Files whose content decides what the command installs. While they are unchanged it need not run again. */
  keyFiles: string[]
  /** Scripts of the commit that the command runs. The proof puts them back as they were at the base. */
  files?: string[]
  /** True for a command that only makes a program available. It also runs before set-up commands that a repository spells out. */
  isTool?: boolean
}

/**
 * What a check tells. tests, build and types run the code; lint and documents only say that nothing is worse; declared comes from the
 * person or from .ralph/checks.sh.
 */
export type CheckKind = 'tests' | 'build' | 'types' | 'lint' | 'documents' | 'declared'

export interface DetectedCheck {
  /** Runs in bash, in the checkout, as the plan's user or the prover's. */
  command: string
  /** The command as a person knows it, for example `npm test`. */
  shown: string
  kind: CheckKind
  timeoutMs: number
  /** Scripts and golden files that the check stands on. The proof puts them back, as it does with tests and settings of runners anyway. */
  files: string[]
}

export interface Detected {
  /** Kind of the first project found; a repository may hold several. */
  kind: ProjectKind
  setup: SetupCommand[]
  checks: DetectedCheck[]
  /** Told to the model and the person: what is missing on this machine, what could not be detected. */
  notes: string[]
}

/** True when a green check says that the code works. A repository without such a check ends as `no_checks`. */
export const runsTheCode = ({ kind }: { kind: CheckKind }): boolean => kind !== 'lint' && kind !== 'documents'

export const hasTests = (found: readonly Detected[]): boolean =>
  found.some(({ checks }) => checks.some(({ kind }) => kind === 'tests'))

/** Everything that several detectors found, under the kind of the first. */
export const together = (found: readonly Detected[]): Detected => ({
  kind: found[0]?.kind ?? 'unknown',
  setup: found.flatMap(({ setup }) => setup),
  checks: found.flatMap(({ checks }) => checks),
  notes: found.flatMap(({ notes }) => notes),
})

/** A project of which nothing can be set up or checked here, for want of a program. */
export const onlyNote = (kind: ProjectKind, note: string): Detected => ({
  kind,
  setup: [],
  checks: [],
  notes: [note],
})

/** What one detector found; null when the repository holds nothing of its kind. */
export type Finding = Detected | null

/** Returns the text quoted as one word for bash. */
export const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

export const inFolder = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
