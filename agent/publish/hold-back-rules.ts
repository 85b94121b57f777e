// The rules for one changed file: what is never committed for a plan, or only when its text asks for it. Pure; hold-back.ts applies
// them. A file that the base already has may change; only its size and its content are checked.
import { findSecrets } from '../machine/secrets.ts'

export interface ChangedFile {
  /** The name's bytes as latin1, because a name need not be valid UTF-8. */
  path: string
  /** Bytes; null when the file is deleted. */
  size: number | null
  /** Bytes of the version before; null when the file is new. */
  sizeBefore: number | null
}

export type HeldKind =
  | 'secret'
  | 'secret_file'
  | 'large'
  | 'generated'
  | 'workflow'
  | 'nested_repository'
  /** Git could not read or encode it. */
  | 'unreadable'
  /** Its filter (git-crypt, git-lfs) is not set up here. */
  | 'unfiltered'

export interface Held {
  path: string
  kind: HeldKind
  /** Told to the model and the history. It never contains the secret itself. */
  reason: string
}

/** What the plan's text allows. */
export interface Allowances {
  workflows: boolean
  /** The text itself: a large file that it names may be committed. */
  text: string
}

export const WARN_BYTES = 5 * 1024 * 1024
export const MAX_BYTES = 50 * 1024 * 1024

/** Folders that tools generate. They are left out of every listing of new files. */
export const GENERATED_FOLDERS = [
  'node_modules',
  // pnpm makes it in the checkout when the home is another file system, as in a sandbox.
  '.pnpm-store',
  '.venv',
  'venv',
  '__pycache__',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  '.tox',
  '.gradle',
  '.playwright-cli',
]
const GENERATED = new RegExp(
  `^((?:.*?/)?(?:${GENERATED_FOLDERS.map((name) => name.replaceAll('.', String.raw`\.`)).join('|')}|[^/]+\\.egg-info))(?:/|$)`,
)
/** Build output. A folder counts as such only when one of these project files is beside it. */
const OUTPUTS = [
  { folder: /^(?:(.*?)\/)?target(?=\/)/, beside: ['Cargo.toml', 'pom.xml'] },
  { folder: /^(?:(.*?)\/)?dist(?=\/)/, beside: ['package.json', 'pyproject.toml', 'setup.py'] },
]
const SECRET_FILE =
  /(?:^|\/)(?:\.env(?:\.[\w.-]+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|_netrc|\.git-credentials|\.pypirc|\.npmrc|\.htpasswd|credentials\.json|service[_-]?account[\w-]*\.json|[^/]+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|tfstate))$/i
const HARMLESS = /(?:^|\/)\.env\.(?:example|sample|template|dist|defaults?|schema)$/i
/** These files count as secret only when they hold one. A certificate or a setting without a token is harmless. */
const BY_CONTENT = /\.(?:pem|key)$|(?:^|\/)\.npmrc$/i
const KEEPS_SECRET = /PRIVATE KEY|_auth(?:Token)?\s*=\s*(?!\$\{)\S|_password\s*=/
const WORKFLOW =
  /^(?:\.github\/(?:workflows|actions)\/|\.gitlab-ci\.yml$|\.gitlab\/ci\/|\.circleci\/|\.buildkite\/|\.woodpecker(?:\/|\.ya?ml$)|azure-pipelines[\w.-]*\.ya?ml$|bitbucket-pipelines\.yml$|\.drone\.ya?ml$|Jenkinsfile$|\.travis\.yml$|\.?appveyor\.yml$|\.forgejo\/workflows\/|\.gitea\/workflows\/)/
const ASKS_FOR_WORKFLOWS =
  /\b(?:workflows?|github[ -]actions?|gitlab[ -]ci|ci|(?:build|release|deploy(?:ment)?) pipelines?|jenkins(?:file)?|circleci|continuous integration)\b|\.github\b/i
const FORBIDS = /\b(?:not|don['\u2019]?t|never|without|leave|no)\b/i
/** Lock files consist of long random values, so those are no sign of a secret. */
const LOCK_FILE =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|composer\.lock|Gemfile\.lock|flake\.lock|mix\.lock)$/

export const readAllowances = (planText: string): Allowances => ({
  workflows: planText
    .split(/[.!?\n](?:\s|$)/)
    .some((sentence) => ASKS_FOR_WORKFLOWS.test(sentence) && !FORBIDS.test(sentence)),
  text: planText,
})

/** Checks a file by name and size. Returns null when nothing speaks against it so far. */
export function heldFile(
  file: ChangedFile,
  allowed: Allowances,
  hasFile: (path: string) => boolean,
): Held | null {
  const { path, size, sizeBefore } = file
  const held = (kind: HeldKind, reason: string): Held => ({ path, kind, reason })
  if (WORKFLOW.test(path) && !allowed.workflows)
    return held('workflow', 'it controls CI, and the plan does not ask for a change of workflows')
  if (size === null) return null
  if (sizeBefore === null) {
    if (generatedFolder(path, hasFile) !== null)
      return held('generated', 'tools generate it, and it was not in the repository before')
    if (SECRET_FILE.test(path) && !HARMLESS.test(path) && !BY_CONTENT.test(path))
      return held('secret_file', 'files with this name usually hold secrets')
  }
  return heldSize(file, allowed)
}

function heldSize({ path, size, sizeBefore }: ChangedFile, { text }: Allowances): Held | null {
  if (size === null || size <= WARN_BYTES) return null
  const megabytes = Math.round(size / 1024 / 1024)
  if (size > MAX_BYTES)
    return { path, kind: 'large', reason: `it has ${megabytes} MB; over 50 MB is never committed` }
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (sizeBefore !== null || text.includes(name)) return null
  return {
    path,
    kind: 'large',
    reason: `it has ${megabytes} MB; over 5 MB is committed only when the plan names the file`,
  }
}

/** Checks the lines that are new in a file (before is '' for a new file). Returns null when nothing speaks against them. */
export function heldContent(
  path: string,
  before: string,
  now: string,
  known: readonly string[],
): Held | null {
  if (before === '' && BY_CONTENT.test(path) && KEEPS_SECRET.test(now))
    return { path, kind: 'secret_file', reason: 'it holds a private key or a token' }
  const isLock = LOCK_FILE.test(path)
  const old = new Set(before.split('\n'))
  for (const { name, line } of findSecrets(now, known)) {
    if (old.has(now.split('\n')[line - 1] ?? '')) continue
    if (isLock && name.startsWith('a long random')) continue
    return { path, kind: 'secret', reason: `line ${line} holds what looks like a secret (${name})` }
  }
  return null
}

/** Returns the outermost folder of the path that tools generate; null when there is none. */
export function generatedFolder(path: string, hasFile: (path: string) => boolean): string | null {
  const made = GENERATED.exec(path)?.[1]
  if (made !== undefined) return made
  for (const { folder, beside } of OUTPUTS) {
    const found = folder.exec(path)
    const parent = found?.[1] === undefined ? '' : `${found[1]}/`
    if (found !== null && beside.some((name) => hasFile(parent + name))) return found[0]
  }
  return null
}

/** Returns a path as a person and a model can read it. */
export const showPath = (path: string): string => Buffer.from(path, 'latin1').toString('utf8')
