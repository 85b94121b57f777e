// Runs the checks with probes in the base's tests to see whether the checks can still fail. A check whose files are in no known
// language has no probes and counts as unknown, not as wrong.
import { randomBytes } from 'node:crypto'
import { plantProbes, sortByRelation } from './plant-probes.ts'
import type { Plant } from './plant-probes.ts'
import type { Check } from '../checks/check-list.ts'
import { pathsAt } from '../checks/check-list.ts'
import { runChecks, standAt } from './clean-checks.ts'
import type { CheckRun } from './clean-checks.ts'
import { contentAt } from './restore-tests.ts'
import type { GuardedFiles, GuardInput } from './restore-tests.ts'
import type { ProofShell } from './clean-checkout.ts'
import { isCheckScript, isTestFile } from './test-files.ts'

/** vouched: what probes the checks run at all were noticed. ignored: one was not, though the base's own checks notice it. */
export type Vouch = 'vouched' | 'ignored' | 'unknown'

const MAX_PLANTS = 5
const MAX_TESTS_READ = 200
const MAX_ROUNDS = 3
const NONE: ReadonlySet<number> = new Set()

/** Plants for the tests and check scripts of the base, those about the changed files first. */
export async function plantsFor({
  shell,
  base,
  list,
  difference,
  guard,
}: GuardInput & { guard: GuardedFiles }): Promise<Plant[]> {
  if (base === null) return []
  const named = new Set(list.checks.flatMap(({ files }) => files).filter(isCheckScript))
  const paths = (await pathsAt(shell.git, base)).filter(
    (path) => (mayCarryProbes(path) || named.has(path)) && !guard.allowed.includes(path),
  )
  const tests: { path: string; text: string }[] = []
  for (const path of paths.slice(0, MAX_TESTS_READ)) {
    // A file the work only formatted stays as it is.
    const isDeleted = difference.changes.some((change) => change.path === path && change.kind === 'deleted')
    const restored = guard.files.get(path)
    tests.push({
      path,
      text: restored ?? (await contentAt(shell, isDeleted ? base : shell.order.head, path)),
    })
  }
  const changed = difference.changes.map(({ path }) => path)
  return sortByRelation(tests, changed)
    .flatMap(({ path, text }) => plantProbes(path, text, randomBytes(32).toString('hex')) ?? [])
    .slice(0, MAX_PLANTS)
}

interface HeardInput extends GuardInput {
  /** What stands in the checkout instead of the work's own: the base's tests. */
  files: ReadonlyMap<string, string | null>
}

/** What the run with agreeing probes says, and whether it can be believed. */
export async function runProbed(
  input: HeardInput,
  plants: readonly Plant[],
  probed: CheckRun[],
): Promise<{ runs: CheckRun[]; vouch: Vouch }> {
  const { shell, list, base } = input
  const red = probed.filter(({ exitCode }) => exitCode !== 0)
  if (red.length === 0) return { runs: probed, vouch: await vouchFor(input, plants) }
  if (plants.length === 0) return { runs: probed, vouch: 'unknown' }
  // Perhaps a check minds the probes themselves, as a linter may: it is asked without them, and the base is asked about that.
  await shell.put(new Map(plants.map(({ path, plain }) => [path, plain])))
  const checks = red.map(({ check }) => check)
  const plain = await runChecks(shell, checks)
  const runs = probed.map((run) => plain.find(({ check }) => check === run.check) ?? run)
  const minding = plain.filter(({ exitCode }) => exitCode === 0).map(({ check }) => check)
  if (minding.length === 0 || base === null) return { runs, vouch: 'unknown' }
  const { fresh: atBase } = await standAt(shell, list, base)
  const isSound = await mindsEverywhere(atBase, minding, plants)
  return { runs, vouch: isSound ? 'unknown' : 'ignored' }
}

/** Does each of these checks pass at the base, and fail there too once the probes stand in its tests? */
async function mindsEverywhere(
  atBase: ProofShell,
  checks: readonly Check[],
  plants: readonly Plant[],
): Promise<boolean> {
  const without = await runChecks(atBase, checks)
  await atBase.put(agreeing(plants))
  const withProbes = await runChecks(atBase, checks)
  return without.every(({ exitCode }, at) => exitCode === 0 && withProbes[at]?.exitCode !== 0)
}

/** All probes agree. */
export const agreeing = (plants: readonly Plant[]): Map<string, string> =>
  new Map(plants.map((plant) => [plant.path, plant.text(NONE)]))

/** The checkout may stand anywhere afterwards. */
async function vouchFor(input: HeardInput, plants: readonly Plant[]): Promise<Vouch> {
  const { shell, base, list, files } = input
  if (base === null || plants.length === 0) return 'unknown'
  // As fresh as the deciding run was: nothing it left may tell the two apart.
  const { fresh: atHead } = await standAt(shell, list, shell.order.head, files)
  const missed = await unnoticed(atHead, list.checks, plants, everyMarker(plants))
  if (missed.size === 0) return 'vouched'
  // Is it these files that no check runs, or this work that keeps them from being heard?
  const { fresh: atBase } = await standAt(shell, list, base)
  // Alone in their files: what else the base says there, or fails to compile, must not drown them.
  await atBase.put(await onlyProbes(atBase, base, plants))
  const said = await runChecks(atBase, list.checks)
  const missedAtBase = [...missed].filter(
    (marker) => !said.some(({ exitCode, output }) => exitCode !== 0 && output.includes(marker)),
  )
  if (missedAtBase.length < missed.size) return 'ignored'
  const cutShort = plants.filter(({ markers }) => markers.some((marker) => !missed.has(marker)))
  const lost = new Set(cutShort.flatMap(({ markers }) => markers).filter((marker) => missed.has(marker)))
  if (lost.size > 0 && !(await endIsTheirOwn(input, cutShort, lost))) return 'ignored'
  return missed.size < everyMarker(plants).size ? 'vouched' : 'unknown'
}

/** Scripts that do not come to their end with this work, though they are green: is that how they are at the base? */
async function endIsTheirOwn(
  { shell, base, list }: HeardInput,
  scripts: readonly Plant[],
  lost: ReadonlySet<string>,
): Promise<boolean> {
  if (base === null) return true
  const { fresh: atBase } = await standAt(shell, list, base)
  const isRed = (await runChecks(atBase, list.checks)).some(({ exitCode }) => exitCode !== 0)
  if ((await unnoticed(atBase, list.checks, scripts, lost)).size < lost.size) return false
  // The base may fail half-way: then its word is only needed where a script's own words can end it.
  return !isRed || scripts.some(({ mayEndItself }) => mayEndItself)
}

async function onlyProbes(
  atBase: ProofShell,
  base: string,
  plants: readonly Plant[],
): Promise<Map<string, string | null>> {
  const files = new Map<string, string | null>(plants.map((plant) => [plant.path, plant.alone()]))
  for (const path of (await pathsAt(atBase.git, base)).filter(mayCarryProbes))
    if (!files.has(path)) files.set(path, null)
  return files
}

/** Test files, without what tests only read. */
const mayCarryProbes = (path: string): boolean =>
  isTestFile(path) &&
  /\.(?:[cm]?[jt]sx?|py|go|rs|sh)$/.test(path) &&
  !/(?:^|\/)(?:conftest\.py|__init__\.py|(?:fixtures|testdata|__snapshots__|__mocks__|golden)\/.*)$/.test(
    path,
  )

const everyMarker = (plants: readonly Plant[]): Set<string> =>
  new Set(plants.flatMap(({ markers }) => markers))

/** Of these probes those that made no check fail. */
async function unnoticed(
  shell: ProofShell,
  checks: readonly Check[],
  plants: readonly Plant[],
  wanted: ReadonlySet<string>,
): Promise<Set<string>> {
  const left = new Set(wanted)
  // A runner may stop at the first failure: those it did not come to are asked again without the others.
  for (let round = 0; round < MAX_ROUNDS && left.size > 0; round++) {
    const before = left.size
    const failing = ({ markers }: Plant) =>
      new Set(markers.flatMap((marker, at) => (left.has(marker) ? [at] : [])))
    await shell.put(new Map(plants.map((plant) => [plant.path, plant.text(failing(plant))])))
    for (const { command, shown, timeoutMs } of checks) {
      const { exitCode, output } = await shell.run(command, `again-${shown}`, timeoutMs)
      if (exitCode !== 0) for (const marker of left) if (output.includes(marker)) left.delete(marker)
      if (left.size === 0) return left
    }
    if (left.size === before) return left
  }
  return left
}
