// Finds what is shaped like a secret, and takes it out of texts. Pure. Few false alarms matter more than the last find: a
// refused commit stops work, and every pattern here is a published, prefixed format, or a long random value assigned to a name
// that says what it is. Known values (the plan's own tokens) are found wherever they stand.

export interface SecretShape {
  name: string
  pattern: RegExp
}

/** No capture groups: the whole match is the secret. */
const SHAPES: SecretShape[] = [
  { name: 'AWS access key', pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/ },
  { name: 'GitHub token', pattern: /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/ },
  { name: 'GitHub token', pattern: /\bgithub_pat_[A-Za-z0-9_]{60,255}\b/ },
  { name: 'GitLab token', pattern: /\bgl(?:pat|dt|rt|ptt|cbt|soat|agent|ft|imt)-[A-Za-z0-9_-]{20,}/ },
  { name: 'Anthropic key', pattern: /\bsk-ant-[A-Za-z0-9_-]{24,}/ },
  {
    name: 'OpenAI key',
    pattern: /\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b/,
  },
  { name: 'Orgo key', pattern: /\bsk_live_[a-f0-9]{48,}\b/ },
  { name: 'Stripe key', pattern: /\b[rs]k_live_[A-Za-z0-9]{20,}\b|\bwhsec_[A-Za-z0-9]{32,}\b/ },
  { name: 'Slack token', pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{20,}|\bxapp-\d-[A-Za-z0-9-]{20,}/ },
  {
    name: 'Slack webhook',
    pattern: /https:\/\/hooks\.slack\.com\/(?:services|workflows)\/T[A-Za-z0-9_/-]{30,}/,
  },
  { name: 'Google API key', pattern: /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/ },
  { name: 'Google OAuth token', pattern: /\bya29\.[A-Za-z0-9_-]{40,}|\bGOCSPX-[A-Za-z0-9_-]{28}\b/ },
  { name: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { name: 'PyPI token', pattern: /\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}/ },
  { name: 'Hugging Face token', pattern: /\bhf_[A-Za-z]{34}\b/ },
  { name: 'SendGrid key', pattern: /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b/ },
  { name: 'Twilio key', pattern: /\bSK[0-9a-f]{32}\b/ },
  { name: 'DigitalOcean token', pattern: /\bdo[opr]_v1_[a-f0-9]{64}\b/ },
  { name: 'Cloudflare token', pattern: /\bv1\.0-[a-f0-9]{24}-[a-f0-9]{146}\b/ },
  { name: 'Shopify token', pattern: /\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b/ },
  { name: 'Telegram bot token', pattern: /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/ },
  {
    name: 'Discord webhook',
    pattern: /https:\/\/discord(?:app)?\.com\/api\/webhooks\/\d{17,}\/[A-Za-z0-9_-]{60,}/,
  },
  { name: 'age key', pattern: /\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}\b/ },
  { name: 'JSON web token', pattern: /\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}/ },
  {
    name: 'password in a URL',
    pattern:
      /\b(?:https?|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|rediss|amqps?|ftp):\/\/[^\s:/@'"<>{}$]+:[^\s:/@'"<>{}$]{12,}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/,
  },
  // The runtime's own: plan tokens and VM keys.
  { name: 'runtime token', pattern: /\baer_(?:plan|vm|ticket)_[A-Za-z0-9_-]{10,600}\.[A-Za-z0-9_-]{43}/ },
]
const ASSIGNED =
  /(?:api[_-]?key|secret|token|passwd|password|credential|private[_-]?key|access[_-]?key|auth)[A-Za-z0-9_]*["'`]?\s*(?::|=>?|:=)\s*["'`]([A-Za-z0-9+/_=.-]{32,200})["'`]/gi
const MIN_ENTROPY_BITS = 4.3
/** What documentation and tests put in a secret's place. */
const PLACEHOLDER =
  /example|dummy|placeholder|sample|changeme|your[_-]|xxxx|0000000|1234567890|\*\*\*|<|\$\{|fake|redacted|test[_-]?(?:key|token|secret)/i
const MIN_KNOWN_CHARS = 12
const KEY_HEADER = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/
/** After the header, on the same line (with its line ends escaped) or the next: programs that only name the header hold no key. */
const KEY_MATERIAL = /^(?:\\[nr]|[\s"'`+,|])*(?:[A-Za-z0-9+/=]{40}|Proc-Type:|Version:)/
const ANY_SHAPE = new RegExp(SHAPES.map(({ pattern }) => pattern.source).join('|'))

export interface FoundSecret {
  name: string
  /** From 1. */
  line: number
}

/** The name and place of each, never the value. */
export function findSecrets(text: string, known: readonly string[] = []): FoundSecret[] {
  const found: FoundSecret[] = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.includes('gitleaks:allow') || line.includes('pragma: allowlist secret')) continue
    const name = isKeyStart(line, lines[index + 1] ?? '') ? 'private key' : secretIn(line, known)
    if (name !== null) found.push({ name, line: index + 1 })
  }
  return found
}

function isKeyStart(line: string, next: string): boolean {
  const header = KEY_HEADER.exec(line)
  if (header === null) return false
  const rest = line.slice(header.index + header[0].length)
  return KEY_MATERIAL.test(rest) || KEY_MATERIAL.test(next)
}

function secretIn(line: string, known: readonly string[]): string | null {
  if (known.some((value) => value.length >= MIN_KNOWN_CHARS && line.includes(value)))
    return "the plan's own token"
  if (ANY_SHAPE.test(line))
    for (const { name, pattern } of SHAPES) {
      const value = pattern.exec(line)?.[0]
      if (value !== undefined && !PLACEHOLDER.test(value)) return name
    }
  for (const [, value = ''] of line.matchAll(ASSIGNED))
    if (looksRandom(value)) return 'a long random value assigned to a key, token or password'
  return null
}

function looksRandom(value: string): boolean {
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value)
  return isMixed && !PLACEHOLDER.test(value) && entropyBits(value) >= MIN_ENTROPY_BITS
}

/** Shannon's, per character. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** The text with each known value and each prefixed shape replaced by its name. Of a private key its whole block. */
export function redact(text: string, known: readonly string[] = []): string {
  let clean = text
  for (const value of known)
    if (value.length >= MIN_KNOWN_CHARS) clean = clean.replaceAll(value, "[redacted: the plan's own token]")
  if (KEY_HEADER.test(clean)) clean = clean.replaceAll(KEY_BLOCK, '[redacted: private key]')
  if (!ANY_SHAPE.test(clean)) return clean
  for (const { name, pattern } of SHAPES)
    clean = clean.replaceAll(new RegExp(pattern.source, 'g'), (value) =>
      PLACEHOLDER.test(value) ? value : `[redacted: ${name}]`,
    )
  return clean
}

const KEY_BLOCK =
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[\s"'`+,|])*(?:[A-Za-z0-9+/=]{40}|Proc-Type:|Version:)(?:[^-]|-(?!----))*(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?/g
