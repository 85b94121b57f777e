// What a local stack is made of, made once per state folder and kept there (0600): a restart has the same addresses and secrets.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'

const PORTS = ['worker', 'orgo', 'git', 'github', 'model', 'control', 'tap'] as const
export type PortName = (typeof PORTS)[number]

const Stored = z.object({
  ports: z.record(z.enum(PORTS), z.int()),
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

/** `port`: the Worker's; the stand-ins take those after it. 0: free ones. undefined: those of last time, else 8787. */
export async function loadSettings(stateDir: string, port: number | undefined): Promise<StackSettings> {
  mkdirSync(stateDir, { recursive: true, mode: 0o755 })
  const file = join(stateDir, 'settings.json')
  const known = read(file)
  const settings: StackSettings = {
    ...(known ?? makeSecrets()),
    ports:
      port === 0 && known !== null
        ? known.ports
        : port === undefined && known !== null
          ? known.ports
          : await choosePorts(port ?? 8787),
  }
  writeFileSync(`${file}.new`, JSON.stringify(settings, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return settings
}

function read(file: string): StackSettings | null {
  try {
    return Stored.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null // none yet, or of an older shape: made anew
  }
}

function makeSecrets(): Omit<StackSettings, 'ports'> {
  const random = (): string => randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x')
  return {
    secrets: {
      // Shaped like the real ones, so that redaction and refusals by shape are exercised too.
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

async function choosePorts(first: number): Promise<Record<PortName, number>> {
  const ports = await Promise.all(PORTS.map(async (_, index) => (first === 0 ? freePort() : first + index)))
  return Stored.shape.ports.parse(Object.fromEntries(PORTS.map((name, index) => [name, ports[index]])))
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address === null || typeof address === 'string'
          ? reject(new Error('no free port'))
          : resolve(address.port),
      )
    })
  })
}
