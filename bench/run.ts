// `npm run bench -- [NAME...] [options]`: runs bench/NAME.ts, or all of them, one after the other, with the given options. Each
// stores its figures in bench/results/. The exit code is 1 when one of them missed a target it names.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { refuse, values, words } from './flags.ts'

const NOT_BENCHES = new Set(['run', 'report', 'flags'])
const all = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .filter((name) => !NOT_BENCHES.has(name))
const unknown = words.filter((name) => !all.includes(name))
if (unknown.length > 0) refuse(`There is no bench ${unknown.join(', ')}. There are: ${all.join(', ')}.`)
const options = Object.entries(values).flatMap(([name, value]) =>
  value === undefined ? [] : [`--${name}=${value}`],
)
let failed = false
for (const name of words.length === 0 ? all : words) {
  console.log(`\n== ${name}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...options], {
    stdio: 'inherit',
  })
  failed ||= status !== 0
}
process.exit(failed ? 1 : 0)
