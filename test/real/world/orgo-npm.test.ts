// A computer of the local Orgo installs packages as its registry settings say, also for a user whose environment holds nothing.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith, needs } from '../../support/needs.ts'
import { startWorld } from '../../world/orgo/test-client.ts'
import { readRegistries } from '../../world/orgo/registries.ts'
import { startRegistry } from '../../world/registry.ts'

const INSTALL = `cd && mkdir project && cd project && echo '{"dependencies":{"tiny":"*"}}' > package.json
npm install --silent --no-audit --no-fund && npm ci --silent --no-audit --no-fund && node -p 'require("tiny")'`

async function installOn(sandbox: 'bwrap' | 'process', command: string) {
  const folder = mkdtempSync(join(tmpdir(), 'orgo-npm-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'tiny'))
  writeFileSync(join(folder, 'tiny/package.json'), '{"name":"tiny","version":"1.2.3","main":"tiny.js"}')
  writeFileSync(join(folder, 'tiny/tiny.js'), 'module.exports = 42\n')
  await using registry = await startRegistry([join(folder, 'tiny')])
  const npmrc = join(folder, 'npmrc')
  const { host } = new URL(registry.url)
  writeFileSync(npmrc, `registry=${registry.url}/\n//${host}/:_authToken=canary-of-the-host\n`)
  const registries = readRegistries({ NPM_CONFIG_USERCONFIG: npmrc }, () => undefined)
  await using world = await startWorld({ sandbox, registries })
  const id = await world.create('one')
  await world.bash(id, `cat > ~/install.sh <<'END'\n${INSTALL}\nEND\nchmod a+rx ~ ~/install.sh`)
  const installed = await world.bash(id, command)
  const seen = await world.bash(id, 'env; cat /usr/local/etc/npmrc ~/.npmrc; npm config ls -l')
  return {
    ...installed,
    isFetched: registry.asked.some(({ path }) => path === '/tiny/-/1.2.3.tgz'),
    credentials: registry.asked.map(({ authorization }) => authorization).filter(Boolean),
    holdsToken: seen.output.includes('canary-of-the-host'),
  }
}
const GOOD = { output: '42\n', exit_code: 0, isFetched: true, credentials: [], holdsToken: false }

describeWith(needs.bwrap(), 'with bubblewrap', () => {
  it('installs a package for a user of its own', async () => {
    const command =
      'useradd -m builder && su builder -c "env -i HOME=/home/builder PATH=$PATH bash /root/install.sh"'
    expect(await installOn('bwrap', command)).toEqual(GOOD)
  })
})

it('installs a package where bubblewrap is missing', async () => {
  const command = 'env -i HOME="$HOME" PATH="$PATH" bash ~/install.sh'
  expect(await installOn('process', command)).toEqual(GOOD)
})
