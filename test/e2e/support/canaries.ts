// At the end of every whole-stack test: no secret of the stack was seen by a VM, kept by the Worker (D1, objects, KV, log) or said
// by a tool. The stack's own random secrets are the canaries.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { createSecretWatch } from '../../world/secrets.ts'
import type { Sighting } from '../../world/secrets.ts'

const Stored = z.object({ secrets: z.record(z.string(), z.string()), testerToken: z.string() })
const Seen = z.object({ seen: z.array(z.object({ secret: z.string(), where: z.string() })) })
/** Not of the owner, but worth something while it lives: no line of the log holds one. */
const VM_TOKEN = /aer_(?:ticket|vm|plan)_[A-Za-z0-9_-]{12,}/

export function secretsOf(stateDir: string): Record<string, string> {
  const { secrets, testerToken } = Stored.parse(
    JSON.parse(readFileSync(join(stateDir, 'settings.json'), 'utf8')),
  )
  return { ...secrets, TESTER_TOKEN: testerToken }
}

export interface Canaries {
  /** Everything a tool answered goes by here. */
  answer: (tool: string, answer: unknown) => void
  /** Where any was seen so far; looks through disks and processes of the VMs and what the Worker keeps. */
  sightings: () => Promise<Sighting[]>
  /** Throws an error that names each, by the secret's name and its place. */
  expectNoCanary: () => Promise<void>
}

/** `control`: GET of the stack's control API. */
export function createCanaries(stateDir: string, control: (path: string) => Promise<unknown>): Canaries {
  let watch: ReturnType<typeof createSecretWatch> | null = null
  // Made late: the stack makes its secrets when it first starts.
  const get = () => (watch ??= createSecretWatch(secretsOf(stateDir)))
  const canaries: Canaries = {
    answer: (tool, answer) => get().stream(`answer of ${tool}`)(Buffer.from(JSON.stringify(answer))),
    async sightings() {
      const { seen } = Seen.parse(await control('/secrets-seen'))
      const kept = await get().sightings([join(stateDir, 'worker'), join(stateDir, 'worker.log')])
      const log = readFileSync(join(stateDir, 'worker.log'), 'utf8')
      const tokens = VM_TOKEN.test(log) ? [{ secret: 'a VM token', where: 'worker.log' }] : []
      return [...seen, ...kept.map((one) => ({ ...one, where: `Worker: ${one.where}` })), ...tokens]
    },
    async expectNoCanary() {
      const found = await canaries.sightings()
      if (found.length === 0) return
      const lines = found.map(({ secret, where }) => `  ${secret} in ${where}`)
      throw new Error(`Secrets were seen where none may be:\n${lines.join('\n')}`)
    },
  }
  return canaries
}
