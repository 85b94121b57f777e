// What each start of the agent costs: a plan starts it a dozen times.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const BUNDLE = join(import.meta.dirname, '../../../../dist/assets/ralph.mjs')

test('the agent starts without loading fetch, which costs more than all else that it loads', () => {
  const look =
    "process.on('exit', () => console.log(process.moduleLoadList.filter((name) => name.includes('undici')).length))"
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(look)}`, BUNDLE, 'no-such-command'],
    { encoding: 'utf8' },
  )
  expect(stderr).toContain('Usage: ralph')
  expect(stdout.trim()).toBe('0')
})
