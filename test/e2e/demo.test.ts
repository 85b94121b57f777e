// `npm run demo`, as a stranger runs it first.
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, expect, it } from 'vitest'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const scratch = mkdtempSync(join(tmpdir(), 'demo-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

it('tells the whole story, each step with its time, and leaves nothing behind', async () => {
  const { stdout } = await run(process.execPath, ['test/world/demo.ts'], {
    cwd: root,
    env: { ...process.env, TMPDIR: scratch },
  })
  const text = stripVTControlCharacters(stdout)
  const steps = [
    'The agent is built',
    'The stand-ins are up',
    'The local stack is up',
    'A client connected over MCP',
    'workspace_register',
    'plan_submit',
    'A machine is made',
    'The agent is installed',
    'The agent runs',
    'The plan is completed',
    'The git host holds the branch',
    'Ralph Wiggum: feat: say hello',
    '+echo "Hello, ${1:-world}!"',
    'You merge it on the git host',
    'The plan is merged',
    'unverified, check_failed',
    'Wrong work is refused',
    'Tidied',
    'No secret reached the VM',
    'Next: npm run dev',
  ]
  const places = steps.map((step) => text.indexOf(step))
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(places[0]).toBeGreaterThan(0)
  const times = [...text.matchAll(/^ +(\d+\.\d) s {2}/gm)].map((match) => Number(match[1]))
  expect(times.length).toBeGreaterThan(12)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(readdirSync(scratch).filter((name) => name.startsWith('aer-'))).toEqual([])
})
