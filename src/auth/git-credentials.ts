// GIT_CREDENTIALS: git's own credential-store format, one URL per line, `https://user:token@host[:port][/path]`. A token goes
// only to the host of its line. A bad line is reported by its number and never by its value, which may be the token itself.

export interface GitCredential {
  user: string
  token: string
}

interface Line extends GitCredential {
  /** Scheme and host with port. */
  origin: string
  segments: string[]
}

/** The user name that hosts expect beside a token, for lines without one. Other hosts take any name. */
const HOST_USERS: Record<string, string> = {
  'github.com': 'x-access-token',
  'gitlab.com': 'oauth2',
  'bitbucket.org': 'x-token-auth',
}

/** Returns the credential for a remote: the line with the longest matching path, and the first of equals. null: none fits. */
export function credentialFor(
  gitCredentials: string,
  url: string,
  { local }: { local: boolean } = { local: false },
): GitCredential | null {
  if (!URL.canParse(url)) return null
  const wanted = new URL(url)
  const segments = pathSegments(wanted.pathname)
  if (segments === null) return null
  let best: Line | null = null
  for (const { parsed: line } of parseLines(gitCredentials, local)) {
    if (typeof line === 'string' || line.origin !== originOf(wanted)) continue
    if (!line.segments.every((segment, index) => segment === segments[index])) continue
    if (best === null || line.segments.length > best.segments.length) best = line
  }
  return best === null ? null : { user: best.user, token: best.token }
}

/** Returns one sentence for each line that cannot be used. */
export function gitCredentialProblems(
  gitCredentials: string,
  { local }: { local: boolean } = { local: false },
): string[] {
  return parseLines(gitCredentials, local).flatMap(({ number, parsed }) =>
    typeof parsed === 'string' ? [`GIT_CREDENTIALS line ${number} ${parsed}`] : [],
  )
}

/** Returns the token for the API of the remote's own host; null when GITHUB_API_URL serves another host or no line fits. */
export function bearerForApi(
  gitCredentials: string,
  gitRemote: string,
  { githubApiUrl, local }: { githubApiUrl: string; local: boolean },
): string | null {
  if (!URL.canParse(gitRemote) || !URL.canParse(githubApiUrl)) return null
  const [remote, api] = [new URL(gitRemote), new URL(githubApiUrl)]
  // api.github.com serves github.com, api.X serves X, and X/api/v3 serves X. Locally the two are ports of one loopback address.
  const same = local ? remote.hostname === api.hostname : remote.host === api.host.replace(/^api\./, '')
  return same ? (credentialFor(gitCredentials, gitRemote, { local })?.token ?? null) : null
}

/** Returns each line with its number: a credential, or what is wrong with it. */
function parseLines(gitCredentials: string, local: boolean): { number: number; parsed: Line | string }[] {
  return gitCredentials.split('\n').flatMap((raw, index) => {
    const text = raw.trim()
    return text === '' || text.startsWith('#') ? [] : [{ number: index + 1, parsed: parseLine(text, local) }]
  })
}

function parseLine(text: string, local: boolean): Line | string {
  if (!URL.canParse(text)) return 'is not a URL: write https://user:token@host.'
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(local && url.protocol === 'http:'))
    return 'does not begin with https://.'
  if (url.search !== '' || url.hash !== '') return 'has a query or fragment, which no git remote has.'
  const [user, token, segments] = [decode(url.username), decode(url.password), pathSegments(url.pathname)]
  if (user === null || token === null || segments === null)
    return 'has a % that is not followed by two hex digits.'
  if (token === '') return 'has no token: write https://user:token@host.'
  if (hasControlCharacter(user + token) || user.includes(':'))
    return 'has a character no user name or token may have.'
  return {
    user: user === '' ? (HOST_USERS[url.host] ?? 'git') : user,
    token,
    origin: originOf(url),
    segments,
  }
}

const originOf = (url: URL): string => `${url.protocol}//${url.host}`

/** Returns decoded segments, without `.git` at the end because hosts serve both spellings; null when one cannot be decoded. */
function pathSegments(pathname: string): string[] | null {
  const segments: string[] = []
  for (const part of pathname
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .filter((one) => one !== '')) {
    const decoded = decode(part)
    if (decoded === null) return null
    segments.push(decoded)
  }
  return segments
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null // a stray %: reported by the caller
  }
}

const hasControlCharacter = (text: string): boolean => /\p{Cc}/u.test(text)
