// What a computer must know to reach package registries from this machine: mirror, proxy and certificates, read from the
// environment and the npmrc files of who starts the stack. A computer gets them as files that a real machine would have: the
// global npmrc and the bundle of certificates. Tokens, passwords and addresses that hold some stay here.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'

export type Registries = {
  /** Settings of npm, by their names in an npmrc. */
  npm: Map<string, string>
  /** Trusted besides those every machine trusts; each in PEM. */
  certificates: string[]
}

export const noRegistries = (): Registries => ({ npm: new Map(), certificates: [] })

/** Of npm's settings only these and `@scope:registry` are handed on. */
const NPM_SETTINGS = ['registry', 'replace-registry-host', 'strict-ssl', 'proxy', 'https-proxy', 'noproxy']
const CERTIFICATE_FILES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']
const HOST_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
/** The computers' own network: what runs in them is asked directly. */
const OWN_HOSTS = ['localhost', '127.0.0.1']

/** In npm's order: a variable wins over ~/.npmrc, and that over the global npmrc. `log`: what was left out, by its name. */
export function readRegistries(env: NodeJS.ProcessEnv, log: (line: string) => void): Registries {
  const variables = npmVariables(env)
  const userFile = variables.get('userconfig') ?? join(env['HOME'] ?? homedir(), '.npmrc')
  const globalFile = variables.get('globalconfig')
  const found = new Map([
    ...proxyVariables(env),
    ...(globalFile === undefined ? [] : readNpmrc(globalFile, env)),
    ...readNpmrc(userFile, env),
    ...variables,
  ])
  const npm = new Map<string, string>()
  for (const [name, value] of found) {
    if (!NPM_SETTINGS.includes(name) && !/^@[^:\s]+:registry$/.test(name)) continue
    if (isSecretAddress(value))
      log(`orgo: npm's ${name} is not handed on to computers, because its value may hold a password.`)
    else if (!/[\r\n]/.test(value)) npm.set(name, value)
  }
  if (npm.has('proxy') || npm.has('https-proxy'))
    npm.set('noproxy', [npm.get('noproxy'), ...OWN_HOSTS].filter((host) => host !== undefined).join(','))
  const files = [...CERTIFICATE_FILES.map((name) => env[name]), found.get('cafile')]
  return { npm, certificates: readCertificates(files, log) }
}

/** The global npmrc of a computer on which the bundle lies at `bundlePath`. */
export function toNpmrc({ npm, certificates }: Registries, bundlePath: string): string {
  const lines = [...npm].map(([name, value]) => `${name}=${value}\n`)
  const cafile = certificates.length === 0 ? '' : `cafile=${bundlePath}\n`
  return `; Written at each boot: how the machine below reaches registries.\n${lines.join('')}${cafile}`
}

/** What the host trusts, or else what Node does, and these certificates. */
export function toBundle({ certificates }: Registries): string {
  const host = certificatesIn(HOST_BUNDLE)
  const all = new Set([...(host.length === 0 ? rootCertificates : host), ...certificates])
  return `${[...all].join('\n')}\n`
}

function readCertificates(files: (string | undefined)[], log: (line: string) => void): string[] {
  const found = new Set<string>()
  for (const file of files) {
    if (file === undefined || file === '') continue
    const certificates = certificatesIn(file)
    if (certificates.length === 0) log(`orgo: ${file} holds no certificate to hand on to computers.`)
    for (const one of certificates) found.add(one)
  }
  return [...found]
}

/** Only certificates: a client's own key may stand in the same file. */
const certificatesIn = (file: string): string[] =>
  readOrEmpty(file).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []

/** npm_config_* in any case, as npm reads them. */
function npmVariables(env: NodeJS.ProcessEnv): Map<string, string> {
  return new Map(
    Object.entries(env).flatMap(([name, value]): [string, string][] => {
      const setting = /^npm_config_(.+)$/i.exec(name)?.[1]
      if (setting === undefined || value === undefined || value === '') return []
      return [[setting.toLowerCase().replaceAll(/(?!^)_/g, '-'), value]]
    }),
  )
}

function proxyVariables(env: NodeJS.ProcessEnv): [string, string][] {
  const either = (name: string): string => env[name] || env[name.toLowerCase()] || ''
  const found: [string, string][] = [
    ['proxy', either('HTTP_PROXY')],
    ['https-proxy', either('HTTPS_PROXY') || either('HTTP_PROXY')],
    ['noproxy', either('NO_PROXY')],
  ]
  return found.filter(([, value]) => value !== '')
}

/** The plain `name = value` lines of an npmrc, with ${VARIABLE} replaced. */
function readNpmrc(file: string, env: NodeJS.ProcessEnv): [string, string][] {
  return readOrEmpty(file)
    .split('\n')
    .flatMap((line): [string, string][] => {
      const [, name = '', value = ''] = /^\s*([^;#=\s][^=\s]*)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      const text = value.replaceAll(/\$\{(\w+)\}/g, (all, variable: string) => env[variable] ?? all)
      return name === '' ? [] : [[name, text.replaceAll(/^"(.*)"$/g, '$1')]]
    })
}

/** An address with a user, or with a query that may be a key. */
const isSecretAddress = (value: string): boolean => /[@?]/.test(value)

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // there is none
  }
}
