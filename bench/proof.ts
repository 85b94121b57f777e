// `npm run bench -- proof`: what an accepted finish costs on a repository with some 300 packages. The baseline of the comparison is one
// `npm ci` and one run of the tests in a plain clone, with a package cache as empty as a proof's. Needs root and a package registry.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { forgetPlan, runPlan } from '../test/exercises/plans.ts'
import { createVm } from '../test/real/support/vm.ts'
import type { TestVm } from '../test/real/support/vm.ts'
import { toolsPath } from '../test/repositories/tools.ts'
import { values } from './flags.ts'
import { median, report } from './report.ts'

/** At most so many times the plain commands' time. */
const GOAL = 1.3
const PLAN_TIMEOUT_MS = 1_800_000
const MANIFEST = {
  name: 'sums',
  version: '1.0.0',
  scripts: { test: 'jest' },
  devDependencies: { jest: '30.2.0', express: '5.1.0' },
}
const runs = values.runs ?? 3

const folder = mkdtempSync(join(tmpdir(), 'bench-proof-'))
try {
  const path = toolsPath(join(folder, 'tools'))
  const files = { ...makeProject(), 'package-lock.json': lockFile(path) }
  const packages = Object.keys(
    z.object({ packages: z.record(z.string(), z.unknown()) }).parse(JSON.parse(files['package-lock.json']))
      .packages,
  ).length
  await using vm = await createVm({ files, env: { PATH: path } })
  vm.worker.idleSyncMs = 200
  await vm.ring()
  const first = await prove(vm)
  const [plain, proofs] = [[plainSeconds(vm, path, 0)], [await prove(vm)]]
  for (let n = 1; n < runs; n++) {
    plain.push(plainSeconds(vm, path, n))
    proofs.push(await prove(vm))
  }
  const alone = median(plain)
  const seconds = median(proofs.map((one) => one.seconds))
  const ratio = seconds / alone
  const [last = first] = proofs
  report({
    name: 'proof',
    markdown: `${packages} packages in the lock file, ${runs} runs; green checks, tests of the base unchanged, a package cache that is empty each time.

| | median |
| --- | --- |
| \`npm ci\` and \`npm test\` in a plain clone | ${alone.toFixed(1)} s |
| from \`finish\` to the end of the plan, baseline kept | ${seconds.toFixed(1)} s |
| ratio (goal: at most ${GOAL}) | ${ratio.toFixed(2)} |
| set-ups of an accepted finish | ${last.setups} |
| runs of each check | ${last.checks} |
| baselines measured by the first plan on a base, and by the next ones | ${first.baselines}, ${last.baselines} |
| from \`finish\` to the end of the first plan, which may wait for its baseline | ${first.seconds.toFixed(1)} s |`,
    figures: { packages, plain, first, proofs, ratio },
  })
  process.exitCode = ratio <= GOAL && last.setups === 1 && last.checks === 1 && last.baselines === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function makeProject(): Record<string, string> {
  return {
    'package.json': `${JSON.stringify(MANIFEST, null, 2)}\n`,
    'sums.js': 'exports.add = (a, b) => a + b\n',
    ...Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [`test/sums-${n}.test.js`, testText(`adds ${n}`)]),
    ),
  }
}

function lockFile(path: string): string {
  const place = join(folder, 'lock')
  mkdirSync(place)
  execFileSync(
    'sh',
    [
      '-c',
      'printf %s "$0" > package.json; npm install --package-lock-only --no-audit --no-fund',
      JSON.stringify(MANIFEST),
    ],
    {
      cwd: place,
      env: { PATH: path, HOME: place },
      stdio: 'ignore',
    },
  )
  return readFileSync(join(place, 'package-lock.json'), 'utf8')
}

function plainSeconds(vm: TestVm, path: string, n: number): number {
  const home = join(folder, `home-${n}`)
  mkdirSync(home)
  const startedAt = performance.now()
  execFileSync(
    'sh',
    ['-c', 'git clone -q "$0" work && cd work && npm ci && npm test', join(vm.folder, 'upstream.git')],
    {
      cwd: home,
      env: { PATH: path, HOME: home, CI: '1' },
      stdio: 'ignore',
    },
  )
  return (performance.now() - startedAt) / 1_000
}

/** Runs one plan that ends verified. Errors: throws when it does not. */
async function prove(vm: TestVm) {
  const work = "echo 'exports.twice = (a) => exports.add(a, a)' >> sums.js"
  const run = await runPlan(vm, {
    text: `Add twice().\n\n\`\`\`sh\n${work}\n\`\`\`\n`,
    desired: { base: 'main', checks: [] },
    title: 'the plan',
    timeoutMs: PLAN_TIMEOUT_MS,
  })
  if (!run.verified || run.proofSeconds === null) throw new Error(`It ended ${JSON.stringify(run.end)}`)
  const logs = join(vm.ralph, 'proofs', run.plan.desired.id)
  const ran = readdirSync(join(logs, 'prove')).filter((name) => name.endsWith('.log'))
  const baselines = readdirSync(logs).filter((name) => name === 'baseline').length
  await forgetPlan(vm, run.plan)
  return {
    seconds: run.proofSeconds,
    setups: ran.filter(isSetup).length,
    checks: ran.filter((name) => !isSetup(name)).length,
    baselines,
  }
}

function isSetup(name: string): boolean {
  return /npm-(?:ci|install)/.test(name)
}

function testText(name: string): string {
  return `const { add } = require('../sums.js')\ntest('${name}', () => expect(add(1, 2)).toBe(3))\n`
}
