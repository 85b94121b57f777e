// What an npm registry is needed for on a VM: a repository with a dependency is set up and tested, and a plan drives a browser, whose
// command installs itself. The registry serves what lies on this machine, through the npm settings of who starts the stack.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRegistry } from '../world/registry.ts'
import type { Registry } from '../world/registry.ts'
import { describeWith, needs } from '../support/needs.ts'
import { allEvents, isOver, run, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const MODULES = join(import.meta.dirname, '../../node_modules')
const BROWSER_PACKAGES = ['@playwright/cli', 'playwright', 'playwright/node_modules/playwright-core']

const folder = mkdtempSync(join(tmpdir(), 'npm-repository-'))
let registry: Registry
let stack: Stack
beforeAll(async () => {
  mkdirSync(join(folder, 'tiny'))
  writeFileSync(join(folder, 'tiny/package.json'), '{"name":"tiny","version":"1.2.3","main":"tiny.js"}')
  writeFileSync(join(folder, 'tiny/tiny.js'), 'module.exports = 42\n')
  registry = await startRegistry([
    join(folder, 'tiny'),
    ...BROWSER_PACKAGES.map((name) => join(MODULES, name)),
  ])
  stack = await startStack([], { NPM_CONFIG_REGISTRY: `${registry.url}/` })
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Commits files to main of a workspace's repository, as a person would. */
async function commit(pushUrl: string, files: Record<string, string>): Promise<void> {
  const clone = mkdtempSync(join(folder, 'clone-'))
  const git = async (...args: string[]) => {
    const done = await run('git', [
      '-C',
      clone,
      '-c',
      'user.name=P',
      '-c',
      'user.email=p@example.com',
      ...args,
    ])
    if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`)
  }
  await git('clone', '-q', pushUrl, '.')
  for (const [name, text] of Object.entries(files)) writeFileSync(join(clone, name), text)
  await git('add', '-A')
  await git('commit', '-qm', 'test: a project with a dependency')
  await git('push', '-q', 'origin', 'HEAD:main')
}

it('sets a repository with one npm dependency up, and runs its tests', async () => {
  const { pushUrl } = await stack.workspace('dependent')
  await commit(pushUrl, {
    'package.json': JSON.stringify({
      name: 'dependent',
      private: true,
      scripts: { test: 'node --test' },
      dependencies: { tiny: '^1.2.3' },
    }),
    'answer.test.js':
      "const { test } = require('node:test')\ntest('the answer', () => require('node:assert').equal(require('tiny'), 42))\n",
    '.gitignore': 'node_modules\n',
  })
  const plan = await submit(
    stack,
    'dependent',
    script('Add a second test', `sed 's/the answer/the answer again/' answer.test.js > again.test.js`),
  )
  const done = await untilPlan(stack, plan.id, isOver)
  expect(registry.asked.map(({ path }) => path)).toContain('/tiny/-/1.2.3.tgz')
  expect(done).toMatchObject({
    status: 'completed',
    outcome: needs.bwrap() === null ? 'verified' : 'unverified',
    checks: expect.arrayContaining([expect.objectContaining({ command: 'npm test', exit_code: 0 })]),
  })
})

const SERVER = `const { createServer } = require('node:http')
const { writeFileSync } = require('node:fs')
createServer((request, response) => {
  if (request.method === 'POST') writeFileSync('clicked.txt', 'clicked\\n')
  response.setHeader('content-type', 'text/html')
  response.end('<button onclick="fetch(location, { method: \\'POST\\' }).then(() => { document.title = 1 })">Go</button>')
}).listen(process.env.PORT, '127.0.0.1')`

describeWith(needs.chromium(), 'a browser', () => {
  it('opens a page that the plan serves, clicks, and leaves a screenshot as evidence', async () => {
    await stack.workspace('browser')
    const plan = await submit(
      stack,
      'browser',
      script(
        'Click the button of a page',
        `cat > "$TMPDIR/server.js" <<'END'\n${SERVER}\nEND\nnode "$TMPDIR/server.js" > /dev/null 2>&1 &`,
        [
          'playwright-cli open "http://127.0.0.1:$PORT/"',
          'playwright-cli click "getByRole(\'button\')"',
          'until [ -s clicked.txt ]; do sleep 0.2; done',
          'playwright-cli screenshot --filename="$HOME/evidence/page.png"',
          'playwright-cli close',
        ].join('\n'),
      ),
    )
    const done = await untilPlan(stack, plan.id, isOver)
    const events = await allEvents(stack, plan.id)
    expect(done).toMatchObject({ status: 'completed' })
    const picture = events.find(({ type, data }) => type === 'evidence' && data?.['file'] === 'page.png')
    expect(picture?.data?.['bytes']).toBeGreaterThan(1_000)
  })
})
