// Every command's --help and one mistyped flag, as a person types them behind `npm run NAME --`: words, never a stack trace.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

const ROOT = join(import.meta.dirname, '../..')
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')))
/** The program that a script starts after building, if it builds. */
const programOf = (name: string): string => /node (\S+\.ts)$/.exec(scripts[name] ?? '')?.[1] ?? ''

const COMMANDS =
  'deploy doctor destroy credentials dev demo docs chaos exercises repositories faults kills mutation fuzz:git bench conformance clients interruptions'.split(
    ' ',
  )

function start(name: string, args: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; out: string; errors: string }>((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, programOf(name)), ...args],
      { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env } },
      (error, out, errors) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          out,
          errors,
        }),
    )
  })
}

describe.concurrent.each(COMMANDS)('npm run %s', (name) => {
  it('says with --help what it does and what each flag does', async () => {
    const { code, out, errors } = await start(name, ['--help'])
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const [first, , about, , ...flags] = out.trimEnd().split('\n')
    expect(first).toMatch(new RegExp(`^npm run ${name} -- .*\\[flags\\]$`))
    expect(about).toMatch(/^[A-Z].+\.$/)
    expect(flags.at(-1)).toMatch(/^ {2}--help +this text$/)
    for (const flag of flags) expect(flag).toMatch(/^ {2}--[a-z-]+( [A-Z]+)? {2,}\S.+$/)
  })

  it('refuses a mistyped flag with its usage', async () => {
    const { code, out, errors } = await start(name, ['--hlp'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(errors).toMatch(new RegExp(`^There is no --hlp\\.\n\nnpm run ${name} -- `))
    expect(errors).not.toMatch(/^ +at /m)
  })
})

it.each([
  ['deploy', ['--dryrun'], 'There is no --dryrun. Did you mean --dry-run?'],
  ['deploy', ['--name'], '--name needs a value: --name NAME.'],
  ['deploy', ['--name', '--dry-run'], '--name needs a value: --name NAME.'],
  ['deploy', ['--dry-run=yes'], '--dry-run takes no value.'],
  ['deploy', ['production'], 'npm run deploy takes no "production".'],
  ['chaos', ['--runs', 'many'], '--runs many is no number: give a whole one, such as 1000.'],
  ['credentials', [], 'Say add HOST or list.'],
  ['credentials', ['add'], 'add needs a host.'],
  ['credentials', ['add', 'no host'], 'no host is no host name.'],
] as [string, string[], string][])('npm run %s -- %j says what is wrong', async (name, args, says) => {
  const { code, errors } = await start(name, args)
  expect({ code, says: errors.split('\n')[0] }).toEqual({ code: 2, says })
})

it('refuses to deploy for real when npm kept --dry-run for itself', async () => {
  const { code, errors } = await start('deploy', [], { npm_config_dry_run: 'true' })
  expect(code).toBe(2)
  expect(errors).toMatch(/^npm kept --dry-run for itself/)
})
