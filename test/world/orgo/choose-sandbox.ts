// Picks the best sandbox that this machine can really run, by booting one.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createBwrapSandbox } from './bwrap.ts'
import type { BwrapOptions } from './bwrap.ts'
import { createPlainSandbox } from './plain.ts'
import { runBash } from './run-bash.ts'
import type { Sandbox } from './sandbox.ts'

export type ChooseOptions = Omit<BwrapOptions, 'mode'> & {
  wanted: 'auto' | 'bwrap' | 'process'
  log: (line: string) => void
}

/** Errors: throws when bwrap was asked for and does not work here. */
export async function chooseSandbox(options: ChooseOptions): Promise<Sandbox> {
  if (options.wanted === 'process') return createPlainSandbox(options)
  const modes = process.getuid?.() === 0 ? (['root', 'userns'] as const) : (['userns'] as const)
  const reasons: string[] = []
  for (const mode of process.platform === 'linux' ? modes : []) {
    try {
      const sandbox = createBwrapSandbox({ ...options, mode })
      await tryOut(sandbox, options.stateDir)
      return sandbox
    } catch (error) {
      reasons.push(`${mode}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (options.wanted === 'bwrap') throw new Error(`bwrap does not work here (${reasons.join('; ')})`)
  for (const reason of reasons) options.log(`bwrap as ${reason}`)
  return createPlainSandbox(options)
}

async function tryOut(sandbox: Sandbox, stateDir: string): Promise<void> {
  const dir = mkdtempSync(join(stateDir, 'probe-'))
  const diskDir = join(dir, 'disk')
  try {
    await sandbox.format(diskDir, 'desktop')
    const boot = {
      id: 'probe',
      diskDir,
      runDir: dir,
      image: 'desktop',
      bootId: 'probe',
      onExit: () => {},
    } as const
    const machine = await sandbox.boot(boot)
    const result = await runBash(machine.enter('id -u'), 10_000)
    await machine.kill()
    if (result.kind !== 'done' || result.output !== '0\n')
      throw new Error(`bash said ${JSON.stringify(result)}`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
