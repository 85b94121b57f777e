// `npm run repositories`: public repositories with a real commit as the right work and a small mistake in it as the wrong one, each as
// a plan through the real supervisor, plan process and proof. Exit 1 when a mistake is verified or fewer than 95 % of right works are.
import { resolve } from 'node:path'
import { readCommandLine } from '../../deploy/command-line.ts'
import { hasRoot } from '../real/support/vm.ts'
import { runJobs } from './lab.ts'
import type { Job } from './lab.ts'
import { describe, toReport } from './report.ts'
import { REPOSITORIES } from './repositories.ts'
import { readWork } from './work.ts'

const { values, refuse } = readCommandLine({
  command: 'npm run repositories',
  about: 'Commits of public repositories as plans: the commit is verified, the same with a mistake is not.',
  flags: {
    mirrors: { about: 'bare mirrors, owner+name; what it lacks is cloned', text: 'FOLDER' },
    only: { about: 'repositories whose name holds this', text: 'TEXT', default: '' },
    lanes: { about: 'plans side by side', number: 'N', default: 1 },
  },
})
const { mirrors } = values
if (mirrors === undefined) refuse('It needs a folder for the mirrors: --mirrors FOLDER.')
else {
  if (!hasRoot) throw new Error('Each plan runs as its own unix user: run this as root.')
  const cases = REPOSITORIES.filter(({ repository }) => repository.includes(values.only))
  const jobs = cases.flatMap((one): Job[] => {
    const work = readWork(resolve(mirrors), one)
    return [
      { case: one, work, kind: 'right' },
      { case: one, work, kind: 'wrong' },
    ]
  })
  const startedAt = performance.now()
  console.log(`${cases.length} repositories, ${jobs.length} plans, ${values.lanes} at a time`)
  console.log('repository | commit | work | set-up | checks | to the end | proof | outcome')
  const results = await runJobs({
    jobs,
    lanes: values.lanes,
    onResult: (result) => console.log(describe(result)),
  })
  const report = toReport(results)
  console.log(report.text)
  console.log(`${results.length} plans in ${Math.round((performance.now() - startedAt) / 1_000)} s`)
  process.exit(report.passed ? 0 : 1)
}
