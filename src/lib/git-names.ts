// Decides which branch names and remotes are accepted, from the user and from an upstream. The rules are narrower than git's on
// purpose: what passes is safe in a URL, a file name, a refspec and a shell word. A refusal says what is wrong without repeating
// the value, which may hold a password.

const SEGMENT = /^[A-Za-z0-9._-]+$/
const MAX_BRANCH_CHARS = 200
const MAX_REMOTE_CHARS = 500

function segmentProblem(segment: string): string | null {
  if (segment === '') return 'has an empty part between slashes'
  if (!SEGMENT.test(segment)) return 'may hold only letters, digits, ".", "_", "-" and "/"'
  if (segment.startsWith('-')) return 'has a part that begins with "-"'
  if (segment.includes('..')) return 'has ".." in it'
  return null
}

/** Returns what is wrong with a branch name, to be read after its argument's name; null when nothing is. */
export function branchProblem(name: string): string | null {
  if (name.length > MAX_BRANCH_CHARS) return `is longer than ${MAX_BRANCH_CHARS} characters`
  for (const segment of name.split('/')) {
    const problem = segmentProblem(segment)
    if (problem !== null) return problem
    // Git itself refuses these (git check-ref-format).
    if (segment.startsWith('.')) return 'has a part that begins with "."'
    if (segment.endsWith('.') || segment.endsWith('.lock')) return 'has a part that ends in "." or ".lock"'
  }
  return name === 'HEAD' ? 'may not be HEAD' : null
}

export interface RemoteRules {
  /** `npm run dev`: http, loopback and IP addresses are allowed. */
  local: boolean
  /** URLs under which this Worker itself answers: a remote there would make the gateway call itself. */
  ownUrls: string[]
}

/** Returns what is wrong with a git remote; null when nothing is. */
export function remoteProblem(remote: string, { local, ownUrls }: RemoteRules): string | null {
  if (remote.length > MAX_REMOTE_CHARS) return `is longer than ${MAX_REMOTE_CHARS} characters`
  const url = URL.canParse(remote) ? new URL(remote) : null
  const https = local ? 'an https (or, in local mode, http) URL' : 'an https URL'
  if (url === null) return `must be ${https} such as https://github.com/owner/repository`
  if (url.protocol !== 'https:' && !(local && url.protocol === 'http:'))
    return `must be ${https} such as https://github.com/owner/repository`
  if (url.username !== '' || url.password !== '' || remote.includes('@'))
    return 'must not hold a user name or token: git tokens belong in the GIT_CREDENTIALS secret of the Worker. If a token stood in it, revoke it'
  if (/[?#]/.test(remote)) return 'must not have a query or a fragment'
  // This checks the raw text, because URL parsing repairs it: it drops line feeds, turns backslashes and resolves "..".
  const raw = /^https?:\/\/([A-Za-z0-9.:[\]-]+)\/(.+?)\/?$/i.exec(remote)
  if (raw?.[2] === undefined)
    return 'must be a plain address with a path, such as https://github.com/owner/repository'
  const repository = repositoryOfPage(raw[2].split('/'), url.hostname)
  if (repository !== null)
    return `is the address of a page, not of a repository: use ${url.origin}/${repository} (a branch belongs into the argument branch)`
  for (const segment of raw[2].split('/')) {
    const problem = segment === '.' ? 'has "." as a part' : segmentProblem(segment)
    if (problem !== null) return `${problem} (in its path)`
  }
  if (!local) {
    const host = hostProblem(url.hostname)
    if (host !== null) return host
  }
  if (isOwn(url, ownUrls)) return 'is this Worker itself: name the git host'
  return null
}

/** Third parts of a path that hosts use for pages of a repository, never for repositories. */
const PAGES = new Set(
  'actions blame blob branches commit commits compare discussions issues merge_requests network projects pull pull-requests pulls raw releases security settings src tags tree wiki'.split(
    ' ',
  ),
)

/** Returns the path of the repository that a page belongs to; null when the path is no page's. */
function repositoryOfPage(segments: string[], hostname: string): string | null {
  // GitLab puts "-" between a repository, in groups of any depth, and its pages.
  const dash = segments.indexOf('-')
  const isPage = segments.length > 2 && (hostname === 'github.com' || PAGES.has(segments[2] ?? ''))
  const own = dash >= 2 ? segments.slice(0, dash) : isPage ? segments.slice(0, 2) : null
  return own === null || own.some((segment) => segmentProblem(segment) !== null) ? null : own.join('/')
}

/** Returns what is wrong with an address the Worker is told to call, which may have any path and query; null when nothing is. */
export function targetProblem(target: string, { local, ownUrls }: RemoteRules): string | null {
  const url = URL.canParse(target) ? new URL(target) : null
  if (url === null || (url.protocol !== 'https:' && !(local && url.protocol === 'http:')))
    return 'must be an https URL'
  if (url.username !== '' || url.password !== '') return 'must not hold a user name'
  const host = local ? null : hostProblem(url.hostname)
  if (host !== null) return host
  return isOwn(url, ownUrls) ? 'is this Worker itself' : null
}

const isOwn = (url: URL, ownUrls: string[]): boolean =>
  ownUrls.some((own) => URL.canParse(own) && new URL(own).host === url.host)

/** Refuses hosts the Worker must not be sent to: addresses instead of names, the Worker itself, and names no public host can have. */
function hostProblem(hostname: string): string | null {
  // URL parsing has already turned 2130706433, 0x7f.1 and the like into dotted form.
  if (hostname.startsWith('[') || /^\d+(\.\d+){3}$/.test(hostname))
    return 'must name its host, not an IP address'
  if (hostname === 'localhost' || /\.(localhost|local|internal)$/.test(hostname))
    return 'names a host of a private network'
  if (!/^(?!.*\.$)[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(hostname))
    return 'must name its host in full, such as github.com'
  return null
}

/** Returns one spelling per remote without a problem: lower-case scheme and host, no default port, no trailing slash. */
export function normalRemote(remote: string): string {
  const { origin, pathname } = new URL(remote)
  return `${origin}${pathname.replace(/\/$/, '')}`
}
