// Reads what bootstrap wrote for the supervisor: the Worker's address, the workspace's name and the VM key.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Paths } from './paths.ts'

const ConfigFile = z.object({ url: z.url(), workspace: z.string().min(1) })

export interface Config {
  /** The Worker's address for VMs, without a slash at the end. */
  url: string
  workspace: string
  vmKey: string
}

/** Reads both files. Errors: throws when bootstrap has not finished here. */
export function readConfig({ ralph }: Paths): Config {
  const config = ConfigFile.parse(JSON.parse(readFileSync(join(ralph, 'config.json'), 'utf8')))
  const vmKey = readFileSync(join(ralph, 'vm.key'), 'utf8').trim()
  if (vmKey === '') throw new Error('vm.key is empty: run bootstrap again.')
  return { url: config.url.replace(/\/+$/, ''), workspace: config.workspace, vmKey }
}
