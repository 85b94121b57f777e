// Shows the figures of a bench and stores them in bench/results/ with the day, the machine and the command, without which no
// figure means anything.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

const FOLDER = join(import.meta.dirname, 'results')
const startedWithLoad = loadavg()[0] ?? 0

export interface BenchReport {
  name: string
  /** Tables and sentences, without a heading. */
  markdown: string
  /** The same for programs. */
  figures: object
}

export function report({ name, markdown, figures }: BenchReport): void {
  const machine = {
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadAtStart: Number(startedWithLoad.toFixed(1)),
    node: process.versions.node,
    git: execFileSync('git', ['--version'], { encoding: 'utf8' }).trim().replace('git version ', ''),
    workerd: versionOf('workerd'),
  }
  const date = new Date().toISOString().slice(0, 10)
  const command = `npm run bench -- ${[name, ...process.argv.slice(2)].join(' ')}`
  const about = `\`${command}\` on ${date}: ${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB, load ${machine.loadAtStart} before the start; Node ${machine.node}, workerd ${machine.workerd}, git ${machine.git}.`
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, `${name}.md`), `# Bench: ${name}\n\n${about}\n\n${markdown}\n`)
  const data = { date, command, machine, figures }
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(data, null, 2)}\n`)
  console.log(`${about}\n\n${markdown}`)
}

export function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, '../node_modules', name, 'package.json')
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version
}
