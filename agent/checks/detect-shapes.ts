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
}

export interface DetectedCheck {
  /** Runs in bash, in the checkout, as the plan's user or the prover's. */
  command: string
  /** The command as a person knows it, for example `npm test`. */
  shown: string
  /** quick: seconds (types, lint, documents). full: tests and builds. */
  suite: 'quick' | 'full'
  timeoutMs: number
  /** Files of the base that the check names or reads its settings from. Changing one may change what the check means. */
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

/** Everything that several detectors found, under the kind of the first. */
export const together = (found: Detected[]): Detected => ({
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
