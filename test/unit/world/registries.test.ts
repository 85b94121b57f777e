// Which of this machine's registry settings reach a local computer, and that no secret is among them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { readRegistries, toBundle, toNpmrc } from '../../world/orgo/registries.ts'

const home = mkdtempSync(join(tmpdir(), 'registries-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
let lines: string[]
beforeEach(() => {
  lines = []
})
const file = (name: string, text: string): string => {
  writeFileSync(join(home, name), text)
  return join(home, name)
}
const read = (env: NodeJS.ProcessEnv) => readRegistries({ HOME: home, ...env }, (line) => lines.push(line))
const npmrc = (env: NodeJS.ProcessEnv) =>
  toNpmrc(read(env), '/bundle').split('\n').slice(1).filter(Boolean).toSorted()

it('takes a variable before ~/.npmrc, and that before the global npmrc', () => {
  file('.npmrc', 'registry = https://mine.example/\n@acme:registry=https://acme.example/\n')
  const globalFile = file('global', 'registry=https://all.example/\nstrict-ssl=false\nfund=false\n')
  expect(npmrc({ NPM_CONFIG_GLOBALCONFIG: globalFile })).toEqual([
    '@acme:registry=https://acme.example/',
    'registry=https://mine.example/',
    'strict-ssl=false',
  ])
  expect(npmrc({ npm_config_registry: 'https://variable.example/' })).toContain(
    'registry=https://variable.example/',
  )
})

it('hands on no token, no password and no address that holds one', () => {
  file(
    '.npmrc',
    `registry=https://user:CANARY@mine.example/
@acme:registry=https://acme.example/?key=CANARY
@open:registry=https://\${PLACE}/
//mine.example/:_authToken=CANARY
//mine.example/:username=CANARY
_auth=CANARY
_password="CANARY"
email=CANARY@example.org
key=CANARY
https-proxy=CANARY:CANARY@proxy.example:3128
`,
  )
  const env = {
    PLACE: 'open.example',
    NPM_TOKEN: 'CANARY',
    npm_config__auth: 'CANARY',
    'npm_config_//mine.example/:_authToken': 'CANARY',
    HTTP_PROXY: 'http://user:CANARY@proxy.example:3128',
  }
  expect(npmrc(env)).toEqual(['@open:registry=https://open.example/'])
  expect(lines.join('\n')).not.toContain('CANARY')
  expect(lines.filter((line) => line.includes('is not handed on'))).toHaveLength(4)
})

it('keeps a proxy away from the computer’s own servers', () => {
  file('.npmrc', '')
  expect(npmrc({ HTTPS_PROXY: 'http://proxy.example:3128', no_proxy: '.example' })).toEqual([
    'https-proxy=http://proxy.example:3128',
    'noproxy=.example,localhost,127.0.0.1',
  ])
})

it('adds the certificates of a file to those that every machine trusts, and no key', () => {
  const own = '-----BEGIN CERTIFICATE-----\nMIIown\n-----END CERTIFICATE-----'
  const key = '-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----'
  const extra = file('extra.pem', `${key}\n${own}\n`)
  const registries = read({ NODE_EXTRA_CA_CERTS: extra, SSL_CERT_FILE: join(home, 'missing.pem') })
  expect(registries.certificates).toEqual([own])
  expect(toNpmrc(registries, '/bundle')).toContain('\ncafile=/bundle\n')
  expect(toBundle(registries)).toContain(own)
  expect(toBundle(registries)).not.toContain('secret')
  expect(toBundle(registries).length).toBeGreaterThan((rootCertificates[0] ?? '').length * 20)
  expect(lines).toEqual([expect.stringContaining('missing.pem holds no certificate')])
})

it('says nothing of certificates where none are set', () => {
  expect(toNpmrc(read({}), '/bundle')).not.toContain('cafile')
})
