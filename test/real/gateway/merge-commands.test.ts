// The commands workspace_sync gives a person to paste: whatever a name holds, each word reaches git as one argument and nothing else runs.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mergeCommands } from '../../../src/workspace/plans/merge-commands.ts'

const run = promisify(execFile)
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aer-merge-'))
  // Plays git: writes each argument on a line of its own, ended by a NUL.
  await writeFile(join(dir, 'git'), '#!/bin/sh\nprintf "%s\\0" "$@" >> "$ARGV"\n')
  await chmod(join(dir, 'git'), 0o755)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const CORPUS = [
  'main',
  "o'brien",
  "'; touch pwned; '",
  '$(touch pwned)',
  '`touch pwned`',
  '; touch pwned',
  '&& touch pwned',
  '| touch pwned',
  '\n touch pwned',
  '"double" $HOME',
  '-rf',
  '--upload-pack=touch pwned',
  '> pwned',
  '< /etc/passwd',
  '*',
  '~root',
  '!!',
  '#comment',
  '\\',
  "\\'; touch pwned",
  '%s',
  'ünïcödé 漢字 😀',
  '\u202Egnp.exe',
  'a b\tc',
  '{a,b}',
  '[a-z]',
  '$((1+1))',
  '${IFS}touch${IFS}pwned',
]

it.each(CORPUS)('a base, branch and remote named %j run in sh without side effects', async (name) => {
  const argv = join(dir, 'argv')
  await rm(argv, { force: true })
  const commands = mergeCommands(`https://git.test/${name}`, name, name)
  for (const command of commands)
    await run('sh', ['-c', command], {
      cwd: dir,
      env: { PATH: `${dir}:/usr/bin:/bin`, ARGV: argv, HOME: dir },
    })
  const words = (await readFile(argv, 'utf8')).split('\0').slice(0, -1)
  expect(words).toEqual([
    'fetch',
    `https://git.test/${name}`,
    `refs/heads/${name}`,
    'switch',
    name,
    'merge',
    '--no-ff',
    '-m',
    `Merge ${name}`,
    'FETCH_HEAD',
    'push',
    `https://git.test/${name}`,
    `HEAD:refs/heads/${name}`,
  ])
  expect((await readdir(dir)).toSorted()).toEqual(['argv', 'git'])
})
