// What the detectors say: set-up commands, checks and notes.
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
  /** For bash, in the checkout, as the plan's user. */
  command: string
  timeoutMs: number
  /** Files whose content decides what it installs; while they are unchanged it need not run again. */
  keyFiles: string[]
}

export interface DetectedCheck {
  /** For bash, in the checkout, as the plan's user or the proof's. */
  command: string
  /** The command as a person knows it, for example `npm test`. */
  shown: string
  /** quick: seconds (types, lint, documents). full: tests and builds. */
  suite: 'quick' | 'full'
  timeoutMs: number
  /** Files of the base that the check's own text names or reads as its settings. A plan that changed one of them may have changed what the check means. */
  files: string[]
}

export interface Detected {
  /** Of the first project found; a repository may hold several. */
  kind: ProjectKind
  setup: SetupCommand[]
  checks: DetectedCheck[]
  /** For the model and the person: what is missing on this machine, what could not be told. */
  notes: string[]
}

/** What one detector found; null: the repository holds nothing of its kind. */
export type Finding = Detected | null

/** One word for bash. */
export const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
