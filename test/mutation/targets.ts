// What is mutated, and where the words of our states are read from.
export const TARGETS = [
  'src/workspace/records/decisions.ts',
  'src/workspace/records/run-time.ts',
  'src/workspace/leases/grants.ts',
  'src/workspace/core/next-wake.ts',
  'src/workspace/store/store.ts',
  'src/workspace/store/history-rows.ts',
  'src/workspace/store/outbox-rows.ts',
  'src/workspace/reconcile.ts',
  'src/workspace/registration/learn-branch.ts',
  'src/git/receive-pack.ts',
  'src/git/pkt-line.ts',
]
export const WORD_SOURCES = [
  'src/workspace/contract.ts',
  'src/workspace/records/records.ts',
  'src/shared/protocol.ts',
  'src/orgo/vm.ts',
  'src/git/receive-pack.ts',
]
/** In the order a mutant meets them: the cheap ones first. */
export const PROJECTS = ['unit', 'worker', 'chaos'] as const
export type Project = (typeof PROJECTS)[number]
/** The tests that come by the targets at all, by their path in the project; the others would only be waited for. */
export const TEST_FILES: Record<Project, RegExp> = {
  unit: /^(?:workspace|git)\//,
  worker:
    /^(?:workspace|history|account)\/|^(?:gateway\/routes|mcp\/real-object|dashboard\/doctor|lib\/redaction)\./,
  chaos: /^chaos\./,
}
/** Test files whose tests each have tables and names of their own: they may run many times in one process (batch.ts). */
export const SHARES_NOTHING = /^test\/worker\/workspace\/(?:store|reconcile)[a-z-]*\.test\.ts$/
