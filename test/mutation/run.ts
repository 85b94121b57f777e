// `npm run mutation`: mistakes put mechanically into the files that decide (targets.ts), each to be noticed by a test or by the
// simulator. Exit 1 below 90 % noticed, or when one that is not noticed has no reason (reasons.ts).
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { instrumentedCopy } from './copy.ts'
import { hunt, Verdict } from './hunt.ts'
import { report } from './report.ts'
import { PROJECTS } from './targets.ts'
import type { Project } from './targets.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    lanes: { type: 'string', default: '2' },
    sample: { type: 'string', default: '1' },
    projects: { type: 'string', default: PROJECTS.join(',') },
    tests: { type: 'string', default: '' },
    survivors: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const ROOT = new URL('../..', import.meta.url).pathname
/** What the last run found, so that `--survivors` asks only about those again. */
const LAST = join(ROOT, '.dev/mutation.json')
const [lanes, sample] = [Number(values.lanes), Number(values.sample)]
const projects = PROJECTS.filter((project) => values.projects.split(',').includes(project))

const { dir, mutants: all } = await instrumentedCopy(ROOT)
// However it ends: the lanes end by themselves.
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const before = readLast()
const mutants = all.filter(({ key }) => key.includes(values.only)).filter((_, at) => at % sample === 0)
const verdicts = new Map<number, Verdict>()
for (const { id, key } of mutants) {
  const verdict = before.get(key)
  if (values.survivors && verdict !== undefined) verdicts.set(id, verdict)
}
const startedAt = performance.now()
for (const project of projects) {
  const open = mutants.filter(({ id }) => !verdicts.has(id))
  if (values.list || open.length === 0) break
  await huntIn(project, open, verdicts)
}
const { text, failed } = report({
  mutants,
  verdicts,
  whole: mutants.length === all.length,
  minutes: (performance.now() - startedAt) / 60_000,
  lanes,
})
console.log(text)
if (!values.list) save()
if (values.write) writeFileSync(join(ROOT, 'docs/mutation.md'), text)
process.exitCode = failed ? 1 : 0

function readLast(): Map<string, Verdict> {
  const text = existsSync(LAST) ? readFileSync(LAST, 'utf8') : '[]'
  return new Map(z.array(z.tuple([z.string(), Verdict])).parse(JSON.parse(text)))
}

/** Beside what another run may have written meanwhile. */
function save(): void {
  const last = readLast()
  for (const { id, key } of mutants) {
    const verdict = verdicts.get(id)
    if (verdict === undefined) last.delete(key)
    else last.set(key, verdict)
  }
  mkdirSync(join(ROOT, '.dev'), { recursive: true })
  writeFileSync(LAST, JSON.stringify([...last], null, 1))
}

async function huntIn(project: Project, open: typeof all, verdicts: Map<number, Verdict>): Promise<void> {
  let [done, caught] = [0, 0]
  await hunt({
    dir,
    project,
    mutants: open,
    lanes,
    tests: new RegExp(values.tests),
    onVerdict(mutant, verdict) {
      done += 1
      if (verdict !== null) {
        caught += 1
        verdicts.set(mutant.id, verdict)
      }
      if (done % 50 !== 0 && done !== open.length) return
      console.log(`  ${project}: ${done} of ${open.length}, ${caught} caught`)
      save()
    },
  })
}
