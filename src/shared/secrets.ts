// The one table of what a secret looks like, and the functions that find secrets and take them out of texts. Pure. Only
// published, prefixed formats are here: a hash or random id is no token, and a text that merely speaks of "ghp_ tokens" passes.
// Repetitions have an upper bound wherever something must follow them: without one, a text of 100,000 letters takes a minute.

export interface SecretShape {
  /** In words, with its article: "a GitHub token". */
  name: string
  /** The whole match is the secret. */
  pattern: RegExp
  /** It opens a git host. */
  isGit: boolean
}

/** A secret begins a text, or follows what is no letter or digit, or an escaped line feed: much of what a VM says is JSON inside a text. */
const START = String.raw`(?<=^|[^A-Za-z0-9]|\\[nrt])`
const END = String.raw`(?![A-Za-z0-9])`

const shape = (name: string, pattern: RegExp): SecretShape => ({ name, pattern, isGit: false })
const gitShape = (name: string, pattern: RegExp): SecretShape => ({ name, pattern, isGit: true })

const KEY_HEADER = '-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----'
/** What follows the header on the same line (with its line ends escaped) or the next. A program that only names the header holds no key. */
const KEY_MATERIAL = String.raw`(?:\\[nr]|[\s"'${'`'}+,|]){0,100}(?:[A-Za-z0-9+/=]{40}|Proc-Type:|Version:)`
export const KEY_START = new RegExp(KEY_HEADER + KEY_MATERIAL)
/** The whole block. One without its end stops where its characters do, so that a match within JSON keeps to its string. */
const KEY_BLOCK = new RegExp(
  `${KEY_HEADER}${KEY_MATERIAL}(?:(?:[^-]|-(?!----)){0,20000}-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----|(?:\\\\[nr]|[A-Za-z0-9+/=:,\\s]){0,10000})`,
  'g',
)

/** The first that matches names the secret: special formats come before general ones. */
const TABLE: SecretShape[] = [
  gitShape('a GitHub token', /gh[pousr]_[A-Za-z0-9]{12,}|github_pat_[A-Za-z0-9_]{16,}/),
  gitShape('a GitLab token', /gl(?:pat|ptt|dt|rt|soat|cbt|ft|imt|oas|agent)-[A-Za-z0-9_.-]{12,}/),
  gitShape('a Bitbucket token', /ATBB[A-Za-z0-9]{16,}|AT[AC]TT3[A-Za-z0-9_=-]{16,}/),
  gitShape('an Azure DevOps token', new RegExp(`[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}${END}`)),
  // A password of 16 characters or more: shorter ones are examples such as https://user:password@host.
  gitShape('a URL with a token in it', /[hH][tT][tT][pP][sS]?:\/\/[^\s/:@]{0,200}:[A-Za-z0-9_.~%-]{16,500}@/),
  shape(
    'a URL with a password in it',
    /(?:https?|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?|ftp):\/\/[^\s:/@'"<>{}$]{1,200}:[^\s:/@'"<>{}$]{12,500}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,}/,
  ),
  shape('an Anthropic key', /sk-ant-[A-Za-z0-9_-]{12,}/),
  shape(
    'an OpenAI key',
    /sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}/,
  ),
  shape('an Orgo key', new RegExp(`sk_live_[a-f0-9]{48,}${END}`)),
  shape('a live secret key', /[sr]k_live_[A-Za-z0-9_]{12,}|whsec_[A-Za-z0-9+/=]{32,}/),
  shape('an AWS access key', new RegExp(`A(?:KI|SI|BI|CC)A[A-Z2-7]{16}${END}`)),
  shape('a Slack token', /xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{20,}/),
  shape('a Slack webhook', /https:\/\/hooks\.slack\.com\/(?:services|workflows)\/T[A-Za-z0-9_/-]{30,}/),
  shape('a Discord webhook', /https:\/\/discord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/[A-Za-z0-9_-]{60,}/),
  shape('a Google API key', /AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/),
  shape('a Google OAuth token', /ya29\.[A-Za-z0-9_-]{40,}|GOCSPX-[A-Za-z0-9_-]{28}/),
  shape('an npm token', new RegExp(`npm_[A-Za-z0-9]{36}${END}`)),
  shape('a PyPI token', /pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}/),
  shape('a Hugging Face token', new RegExp(`hf_[A-Za-z]{34}${END}`)),
  shape('a SendGrid key', /SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/),
  shape('a Twilio key', new RegExp(`SK[0-9a-f]{32}${END}`)),
  shape('a DigitalOcean token', /do[opr]_v1_[a-f0-9]{64}/),
  shape('a Cloudflare token', /v1\.0-[a-f0-9]{24}-[a-f0-9]{146}/),
  shape('a Shopify token', new RegExp(`shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}${END}`)),
  shape('a Telegram bot token', new RegExp(`\\d{8,10}:AA[A-Za-z0-9_-]{33}${END}`)),
  shape('an age key', /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/),
  shape('a JSON web token', /eyJ[A-Za-z0-9_-]{15,1000}\.eyJ[A-Za-z0-9_-]{15,8000}\.[A-Za-z0-9_-]{20,}/),
  // Our own: each opens something until it expires.
  shape('a token of this runtime', /aer_(?:ticket|vm|plan)_[A-Za-z0-9_.-]{12,}/),
  shape('a private key', KEY_START),
]
const SHAPES = TABLE.map((one) => ({ ...one, pattern: new RegExp(`${START}(?:${one.pattern.source})`, 'g') }))
/** One look for all of them: nearly every text holds none. */
const ANY_SHAPE = new RegExp(`${START}(?:${TABLE.map(({ pattern }) => pattern.source).join('|')})`)

/** Tells what is kept though it is shaped like a secret. */
type Keep = (value: string) => boolean
const keepNone: Keep = () => false

/** The first shape that the text holds; null when it holds none. Never says where or what the secret is. */
export function secretShape(text: string, keep = keepNone): SecretShape | null {
  if (!ANY_SHAPE.test(text)) return null
  return SHAPES.find(({ pattern }) => text.match(pattern)?.some((value) => !keep(value))) ?? null
}

/** The text with each known value and each shape replaced by its name; a private key with its whole block. */
export function redact(
  text: string,
  known: Iterable<readonly [value: string, name: string]>,
  keep = keepNone,
): string {
  let clean = text
  for (const [value, name] of known)
    if (clean.includes(value)) clean = clean.replaceAll(value, `[redacted: ${name}]`)
  if (!ANY_SHAPE.test(clean)) return clean
  clean = clean.replaceAll(KEY_BLOCK, '[redacted: a private key]')
  for (const { name, pattern } of SHAPES)
    clean = clean.replaceAll(pattern, (value) => (keep(value) ? value : `[redacted: ${name}]`))
  return clean
}

/** The same plain data with every text in it cleaned, keys too. Its JSON is not cleaned as a whole: escapes hide where a token begins. */
export function redactAll<T>(value: T, clean: (text: string) => string): T {
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return clean(part)
    if (Array.isArray(part)) return part.map(walk)
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [clean(key), walk(inner)]))
  }
  // The walk changes characters inside strings and nothing else, so what came as T goes as T.
  return walk(value) as T
}
