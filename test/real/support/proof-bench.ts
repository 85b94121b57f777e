// A head opened as a proof opens it: a clean checkout of a real commit, without the supervisor and without a second user.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createGit } from '../../../agent/git/git.ts'
import { openProofShell } from '../../../agent/proof/clean-checkout.ts'
import { planEnv } from '../../../agent/users/environment.ts'
import { newPlanId } from './plan-bench.ts'

/** Contents by path; null deletes a file. */
export type Files = Record<string, string | null>

/** Makes a repository with a base and a head and opens the head. */
export async function openHead(baseFiles: Files, changes: Files) {
  const folder = mkdtempSync(join(tmpdir(), 'proof-bench-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const repo = join(folder, 'repo')
  mkdirSync(repo)
  const git = createGit(repo, planEnv({ home: folder, user: 'u', path: process.env['PATH'], planId: 'p' }))
  const commit = async (files: Files) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(repo, path)), { recursive: true })
      if (text === null) rmSync(join(repo, path))
      else writeFileSync(join(repo, path), text)
    }
    await git.must(['add', '--all', '--force'])
    await git.must(['commit', '--quiet', '-m', 'x'])
    return git.must(['rev-parse', 'HEAD'])
  }
  await git.must(['init', '--quiet'])
  const base = await commit(baseFiles)
  const head = await commit(changes)
  const home = join(folder, 'home')
  mkdirSync(home)
  const shell = await openProofShell(
    {
      kind: 'order',
      job: 'prove',
      baselineFile: null,
      isolated: false,
      isOnBase: true,
      id: newPlanId(),
      attempt: 1,
      text: '',
      messages: [],
      summary: '',
      head,
      branch: 'agent/x',
      baseHead: base,
      checks: [],
      model: 'm',
      effort: 'high',
      token: '',
      url: '',
      mirror: join(repo, '.git'),
      user: { name: 'u', home, ids: null },
      logs: join(folder, 'logs'),
    },
    head,
    () => {},
  )
  const read = (path: string) =>
    existsSync(join(shell.checkout, path)) ? readFileSync(join(shell.checkout, path), 'utf8') : null
  return { shell, base, head, read, folder }
}
