// Recognises secrets by their shape, so that they never become a tool argument. It knows prefixes only: a hash or a random id
// does not count as a token, and a plan that merely mentions "ghp_ tokens" passes. Every repetition has an upper bound or is
// anchored by the look-behind: with an open one, 100,000 letters take a minute.

export const SHAPES: { kind: string; git: boolean; pattern: RegExp }[] = [
  { kind: 'a GitHub token', git: true, pattern: /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{12,}/ },
  { kind: 'a GitHub token', git: true, pattern: /(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{16,}/ },
  {
    kind: 'a GitLab token',
    git: true,
    pattern: /(?<![A-Za-z0-9])gl(?:pat|ptt|dt|rt|soat|cbt|ft|imt|oas|agent)-[A-Za-z0-9_.-]{12,}/,
  },
  {
    kind: 'a Bitbucket token',
    git: true,
    pattern: /(?<![A-Za-z0-9])(?:ATBB[A-Za-z0-9]{16,}|AT[AC]TT3[A-Za-z0-9_=-]{16,})/,
  },
  {
    kind: 'an Azure DevOps token',
    git: true,
    pattern: /(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])/,
  },
  // A password of 16 characters or more: shorter ones are examples such as https://user:password@host.
  {
    kind: 'a URL with a token in it',
    git: true,
    pattern: /https?:\/\/[^\s/:@]{0,200}:[A-Za-z0-9_.~%-]{16,500}@/i,
  },
  { kind: 'an Anthropic key', git: false, pattern: /(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{12,}/ },
  { kind: 'a live secret key', git: false, pattern: /(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9_]{12,}/ },
  { kind: 'a Slack token', git: false, pattern: /(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}/ },
  { kind: 'an AWS access key', git: false, pattern: /(?<![A-Za-z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])/ },
  { kind: 'an npm token', git: false, pattern: /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/ },
  { kind: 'a private key', git: false, pattern: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/ },
]

export interface SecretShape {
  /** In words, with its article: "a GitHub token". */
  kind: string
  git: boolean
}

/** Returns which kind of secret the text seems to hold; null when none. It never says where or what it is. */
export function secretShape(text: string): SecretShape | null {
  const found = SHAPES.find(({ pattern }) => pattern.test(text))
  return found === undefined ? null : { kind: found.kind, git: found.git }
}
