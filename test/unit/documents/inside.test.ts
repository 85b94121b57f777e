// The repository explains itself: no tracked file points at a page outside it, and comments name only files that exist.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, textOf } from './tables.ts'

const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)))
/** Papers that were never part of the repository: named in capitals, or by their path. */
const OUTSIDE = /\b(?:SPEC|DESIGN|HOUSE)\b|\bSTYLE\.md|\bfacts\/|\(facts: section/
/** This file, and a lock file whose hashes may hold any letters. */
const EXEMPT = ['inside.test.ts', 'package-lock.json']

it('no file points at a page outside the repository', () => {
  const pointing = files
    .filter((file) => !EXEMPT.includes(basename(file)))
    .flatMap((file) => {
      const lines = textOf(file).split('\n')
      return lines.flatMap((line, at) => (OUTSIDE.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : []))
    })
  expect(pointing).toEqual([])
})

it('comments name only files of the repository', () => {
  const names = new Set(files.map((file) => basename(file)))
  const code = files.filter((file) => /^(?:src|agent|deploy|test|bench)\/.*\.(?:ts|sh)$/.test(file))
  const missing = code.flatMap((file) =>
    textOf(file)
      .split('\n')
      .filter((line) => /^\s*(?:\/\/|\/?\*|#)/.test(line))
      .flatMap((line) => [...line.matchAll(/(?<![\w.{/-])(?:[\w-]+\/)*([a-z][\w-]*\.ts)\b/g)])
      .map(([, name = '']) => `${file}: ${name}`)
      .filter((found) => !names.has(found.split(': ')[1] ?? '')),
  )
  expect(missing).toEqual([])
})
