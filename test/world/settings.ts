// Makes the settings of a local stack once per state folder and keeps them there (0600), so that a restart has the same addresses
// and secrets.
import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { findFreePorts, PORT_NAMES, portsFrom } from './ports.ts'

const DEFAULT_PORT = 8787

const Stored = z.object({
  ports: z.record(z.enum(PORT_NAMES), z.int()),
  secrets: z.object({
    ORGO_API_KEY: z.string(),
    ANTHROPIC_API_KEY: z.string(),
    GIT_TOKEN: z.string(),
    OWNER_TOKEN: z.string(),
    TOKEN_KEY: z.string(),
    GITHUB_WEBHOOK_SECRET: z.string(),
  }),
  testerToken: z.string(),
  controlPath: z.string(),
})
export type StackSettings = z.infer<typeof Stored>

/** `port` is the Worker's; the stand-ins take those after it. undefined or 0: the last ports, else 8787 or free ones. */
export async function loadSettings(stateDir: string, port: number | undefined): Promise<StackSettings> {
  const file = join(stateDir, 'settings.json')
  const known = read(file)
  const isFixed = port !== undefined && port !== 0
  const ports =
    !isFixed && known !== null
      ? known.ports
      : port === 0
        ? await findFreePorts()
        : portsFrom(port ?? DEFAULT_PORT)
  const settings: StackSettings = { ...(known ?? makeSecrets()), ports }
  writeFileSync(`${file}.new`, JSON.stringify(settings, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return settings
}

function read(file: string): StackSettings | null {
  try {
    return Stored.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null // the file is missing or has an older form: it is made again
  }
}

function makeSecrets(): Omit<StackSettings, 'ports'> {
  const random = (): string => randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x')
  return {
    secrets: {
      // The secrets have the form of real ones, so that redaction by form is tested too.
      ORGO_API_KEY: `sk_live_${random()}`,
      ANTHROPIC_API_KEY: `sk-ant-api03-${random()}`,
      GIT_TOKEN: `ghp_${random()}`,
      OWNER_TOKEN: `owner-${random()}`,
      TOKEN_KEY: randomBytes(32).toString('hex'),
      GITHUB_WEBHOOK_SECRET: `whsec-${random()}`,
    },
    testerToken: `tester-${random()}`,
    controlPath: `/control-${random()}`,
  }
}
