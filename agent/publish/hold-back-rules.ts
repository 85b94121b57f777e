// What is never committed for a plan, or only when its text asks: a table of rules over one changed file. Pure; who asks them is
// staging-gate.ts. A file that the base has already may be changed, except by content and by size.
import { findSecrets } from '../machine/secrets.ts'

export interface ChangedFile {
  /** Bytes as latin1: a name need not be UTF-8. */
  path: string
  /** null: deleted. */
  size: number | null
  /** Size in the version before; null: the file is new. */
  sizeBefore: number | null
}

export type HeldKind = 'secret' | 'secret_file' | 'large' | 'generated' | 'workflow' | 'nested_repository'

export interface Held {
  path: string
  kind: HeldKind
  /** For the model and the history; never a value. */
  reason: string
}

/** What the plan's words allow. */
export interface Allowances {
  workflows: boolean
  /** The words themselves: a large file they name may be committed. */
  text: string
}

export const WARN_BYTES = 5 * 1024 * 1024
export const MAX_BYTES = 50 * 1024 * 1024

/** Folders that tools make; left out of every listing of new files. */
export const GENERATED_FOLDERS = [
  'node_modules',
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
/** Build output, where the project's own file stands beside the folder. */
const OUTPUTS = [
  { folder: /^(?:(.*?)\/)?target(?=\/)/, beside: ['Cargo.toml', 'pom.xml'] },
  { folder: /^(?:(.*?)\/)?dist(?=\/)/, beside: ['package.json', 'pyproject.toml', 'setup.py'] },
]
const SECRET_FILE =
  /(?:^|\/)(?:\.env(?:\.[\w.-]+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|_netrc|\.git-credentials|\.pypirc|\.npmrc|\.htpasswd|credentials\.json|service[_-]?account[\w-]*\.json|[^/]+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|tfstate))$/i
const HARMLESS = /(?:^|\/)\.env\.(?:example|sample|template|dist|defaults?|schema)$/i
/** Only a secret when they hold one: certificates, settings without a token. */
const BY_CONTENT = /\.(?:pem|key)$|(?:^|\/)\.npmrc$/i
const KEEPS_SECRET = /PRIVATE KEY|_auth(?:Token)?\s*=\s*(?!\$\{)\S|_password\s*=/
const WORKFLOW =
  /^(?:\.github\/(?:workflows|actions)\/|\.gitlab-ci\.yml$|\.gitlab\/ci\/|\.circleci\/|\.buildkite\/|\.woodpecker(?:\/|\.ya?ml$)|azure-pipelines[\w.-]*\.ya?ml$|bitbucket-pipelines\.yml$|\.drone\.ya?ml$|Jenkinsfile$|\.travis\.yml$|\.?appveyor\.yml$|\.forgejo\/workflows\/|\.gitea\/workflows\/)/
const ASKS_FOR_WORKFLOWS =
  /\b(?:workflows?|github[ -]actions?|gitlab[ -]ci|ci|(?:build|release|deploy(?:ment)?) pipelines?|jenkins(?:file)?|circleci|continuous integration)\b|\.github\b/i
const FORBIDS = /\b(?:not|don['\u2019]?t|never|without|leave|no)\b/i
/** Long random values are their content. */
const LOCK_FILE =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|composer\.lock|Gemfile\.lock|flake\.lock|mix\.lock)$/

export const readAllowances = (planText: string): Allowances => ({
  workflows: planText
    .split(/[.!?\n](?:\s|$)/)
    .some((sentence) => ASKS_FOR_WORKFLOWS.test(sentence) && !FORBIDS.test(sentence)),
  text: planText,
})

/** By name and size; null: nothing is against it so far. */
export function judgeFile(
  file: ChangedFile,
  allowed: Allowances,
  hasFile: (path: string) => boolean,
): Held | null {
  const { path, size, sizeBefore } = file
  const held = (kind: HeldKind, reason: string): Held => ({ path, kind, reason })
  if (WORKFLOW.test(path) && !allowed.workflows)
    return held('workflow', 'it steers CI, and the plan does not ask for a change of workflows')
  if (size === null) return null
  if (sizeBefore === null) {
    if (generatedFolder(path, hasFile) !== null)
      return held('generated', 'it is made by tools and was not in the repository before')
    if (SECRET_FILE.test(path) && !HARMLESS.test(path) && !BY_CONTENT.test(path))
      return held('secret_file', 'files of this name hold secrets')
  }
  return judgeSize(file, allowed)
}

function judgeSize({ path, size, sizeBefore }: ChangedFile, { text }: Allowances): Held | null {
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

/** By what is new in it. before: '' for a new file. */
export function judgeContent(
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

/** The outermost folder of the path that tools make; null: there is none. */
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

/** A path as a person and a model may read it. */
export const showPath = (path: string): string => Buffer.from(path, 'latin1').toString('utf8')
