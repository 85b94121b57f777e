// The list of checks for real commits, and scripts run by a real npm.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { listChecks } from '../../../../agent/checks/check-list.ts'
import { detect, detectAt } from '../../../../agent/checks/detect.ts'
import { createGit } from '../../../../agent/git/git.ts'
import { everyTool, manifest, treeOf } from '../../support/tree-of.ts'

const folder = mkdtempSync(join(tmpdir(), 'ralph-detect-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('with real git', () => {
  test("the head's own tests are checks where the base has none, and the base's always stay", async () => {
    const checkout = join(folder, 'checkout')
    const env = { PATH: process.env['PATH'], HOME: folder }
    const git = createGit(checkout, env)
    const commit = (files: Record<string, string>) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(checkout, path)), { recursive: true })
        writeFileSync(join(checkout, path), text)
      }
      for (const command of ['init -q', 'add -A', '-c user.name=a -c user.email=b commit -qm x'])
        execFileSync('git', command.split(' '), { cwd: checkout, env })
      return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: checkout, encoding: 'utf8' }).trim()
    }
    mkdirSync(checkout, { recursive: true })
    const bare = commit(
      manifest({ scripts: { lint: 'xo', test: 'echo "Error: no test specified" && exit 1' } }),
    )
    const typed = commit(manifest({ scripts: { lint: 'xo', typecheck: 'tsc' } }))
    const tested = commit(
      manifest({ scripts: { lint: 'true', typecheck: 'tsc', test: 'node --test', build: 'x' } }),
    )
    const list = async (baseHead: string | null, headCommit: string | null, checks: string[] = []) =>
      (await listChecks({ git, env, baseHead, headCommit, declared: { checks } })).checks.map(
        ({ from, kind, shown }) => `${from} ${kind} ${shown}`,
      )
    expect(await list(bare, null)).toEqual(['base lint npm run lint'])
    expect(await list(bare, typed)).toEqual(['base lint npm run lint', 'head types npm run typecheck'])
    expect(await list(typed, tested)).toEqual([
      'base types npm run typecheck',
      'base lint npm run lint',
      'head tests npm test',
    ])
    expect(await list(tested, bare)).toEqual([
      'base types npm run typecheck',
      'base build npm run build',
      'base tests npm test',
    ])
    expect(await list(null, tested, ['npm run test'])).toEqual(['base declared npm run test'])
    await expect(detectAt({ git, commit: 'f'.repeat(40), env })).rejects.toThrow('git ls-tree failed')
  })

  test('npm runs a script with its own environment, in a folder of a workspace too', async () => {
    const checkout = join(folder, 'npm')
    const print = 'node -e "console.log(Object.keys(process.env).join())"'
    const files = {
      ...manifest({ workspaces: ['web'] }),
      'web/package.json': JSON.stringify({ name: 'web', scripts: { test: print } }),
    }
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(checkout, path)), { recursive: true })
      writeFileSync(join(checkout, path), text)
    }
    const [check] = (await detect(treeOf(files), everyTool)).checks
    const env = { PATH: process.env['PATH'], HOME: folder }
    const ran = spawnSync('bash', ['-c', check?.command ?? ''], { cwd: checkout, env, encoding: 'utf8' })
    for (const name of ['npm_config_user_agent', 'npm_execpath', 'INIT_CWD'])
      expect(ran.stdout).toContain(name)
  })
})
