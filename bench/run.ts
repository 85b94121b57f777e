// `npm run bench -- [NAME...] [options]`: runs bench/NAME.ts, or all of them, one after the other, with the given options. Each
// stores its figures in bench/results/. The exit code is 1 when one of them missed a target it names.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const NOT_BENCHES = new Set(['run', 'report'])
const all = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .filter((name) => !NOT_BENCHES.has(name))
const given = process.argv.slice(2)
const firstOption = given.findIndex((word) => word.startsWith('-'))
const [names, options] =
  firstOption < 0 ? [given, []] : [given.slice(0, firstOption), given.slice(firstOption)]
const unknown = names.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. There are: ${all.join(', ')}.`)
  process.exit(1)
}
let failed = false
for (const name of names.length === 0 ? all : names) {
  console.log(`\n== ${name}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...options], {
    stdio: 'inherit',
  })
  failed ||= status !== 0
}
process.exit(failed ? 1 : 0)
