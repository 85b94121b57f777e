// Mistakes put into the engine's source on purpose, one at a time, to see that the simulator finds each: what it cannot find proves
// nothing. Made in a copy; src itself is never touched.
import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Mutant {
  name: string
  file: string
  from: string
  to: string
  /** Where the hunt begins, if what it takes is rare; 1 otherwise. */
  seed?: number
}

export const MUTANTS: Mutant[] = [
  {
    name: 'no compare-and-set on (attempt, status)',
    file: 'src/workspace/records/decisions.ts',
    from: "if (plan.status !== 'running' || attempt !== plan.attempt || report.kind === 'stopped') return null",
    to: "if (report.kind === 'stopped') return null",
  },
  {
    name: 'outbox rows deleted before D1 has them',
    file: 'src/workspace/outbox/drain-outbox.ts',
    from: 'await appendHistory(core.env.DB, history)',
    to: 'confirm(core, items); await appendHistory(core.env.DB, history)',
  },
  {
    name: 'no watchdog before the work',
    file: 'src/workspace/reconcile.ts',
    from: 'await core.setAlarm(startedAtMs + WATCHDOG_MS)',
    to: '',
  },
  {
    name: 'old attempts are not fenced',
    file: 'src/workspace/leases/grants.ts',
    from: "if (attempt !== plan.attempt) return 'attempt_superseded'",
    to: '',
  },
  {
    name: 'a create of unknown outcome is tried again at once',
    file: 'src/workspace/machine/find-or-create.ts',
    from: 'if (vm.createSentAtMs !== null && now - vm.createSentAtMs < LIST_AFTER_CREATE_MS) return 15_000',
    to: '',
  },
  {
    name: 'lines added while D1 answers are taken for told',
    file: 'src/workspace/outbox/drain-outbox.ts',
    from: 'if (core.store.newestEvent(plan) > seq)',
    to: 'if (false as boolean)',
  },
  {
    name: "another account's key makes a machine look lost",
    file: 'src/workspace/machine/confirm-loss.ts',
    from: 'if (vm.orgoWorkspaceId !== null && !workspaceIds.includes(vm.orgoWorkspaceId))',
    to: 'if (false as boolean)',
  },
  {
    name: 'an alarm with a lease due is taken for one with nothing due',
    file: 'src/workspace/reconcile.ts',
    from: 'return !core.store.leases().some((lease) => isLeaseDue(core, lease))',
    to: 'return true',
  },
  {
    name: 'a pull request is opened without a look whether there is one',
    file: 'src/workspace/plans/pull-requests.ts',
    from: 'const pulls = await github.pullsOf(plan.branch)',
    to: 'const pulls = (await github.pullsOf(plan.branch)).filter(() => false)',
    // Opened, died before it was written down, and closed by a person meanwhile.
    seed: 6190,
  },
  {
    name: 'a removed machine is tried to be deleted once',
    file: 'src/workspace/machine/leftovers.ts',
    from: 'if (core.now() >= leftover.untilMs) change(core, leftover, null)',
    to: 'change(core, leftover, null)',
  },
  {
    name: 'a cancel leaves the rights',
    file: 'src/workspace/leases/grants.ts',
    from: "if (plan.status === 'cancelled') return 'plan_cancelled'",
    to: "if (plan.status === 'cancelled') return null",
  },
]

/** What tests need of the project, beside node_modules. */
export const COPIED_PARTS = [
  'src',
  'test',
  'migrations',
  'dist',
  'wrangler.toml',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
]

/** A copy of the project with the mistake in it; throws where the line it changes is no more. The caller deletes it. */
export async function mutatedCopy(root: string, { name, file, from, to }: Mutant): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'chaos-mutant-'))
  for (const part of COPIED_PARTS) await cp(join(root, part), join(copy, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  const code = await readFile(join(copy, file), 'utf8')
  if (!code.includes(from)) throw new Error(`mutant "${name}": its line is not in ${file} any more`)
  await writeFile(join(copy, file), code.replace(from, to))
  return copy
}
