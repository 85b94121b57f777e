// `npm run docs [-- demo|deploy]`: writes the parts of the documents that are made by running something. Tests keep them true.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCommandLine } from '../../deploy/command-line.ts'
import { deployTranscript } from './deploy-transcript.ts'
import { withPart } from './parts.ts'
import { record } from './recording.ts'
import { terminalSvg } from './terminal-svg.ts'

const ROOT = join(import.meta.dirname, '../..')

const PARTS: Record<string, () => Promise<void>> = {
  /** docs/demo.svg: the recording in the README. */
  async demo() {
    const lines = await record(process.execPath, [join(ROOT, 'test/world/demo.ts')])
    writeFileSync(join(ROOT, 'docs/demo.svg'), terminalSvg('npm run demo', 'npm run demo', lines))
  },
  /** The transcripts in docs/deploy.md. */
  async deploy() {
    const file = join(ROOT, 'docs/deploy.md')
    writeFileSync(file, withPart(readFileSync(file, 'utf8'), 'deploy', await deployTranscript()))
  },
}

const { words: asked, refuse } = readCommandLine({
  command: 'npm run docs',
  about: `Writes the parts of the documents that are made by running something. Parts: ${Object.keys(PARTS).join(', ')}; none named: all.`,
  words: '[PART...]',
  flags: {},
})
const unknown = asked.filter((name) => PARTS[name] === undefined)
if (unknown.length > 0)
  refuse(`There is no part ${unknown.join(', ')}. There are: ${Object.keys(PARTS).join(', ')}.`)
for (const name of asked.length === 0 ? Object.keys(PARTS) : asked) {
  await PARTS[name]?.()
  console.log(`${name}: written`)
}
