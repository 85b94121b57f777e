// Merges manifests such as package.json. They hold what a plan may change (dependencies) and what decides about tests (scripts,
// settings of test runners). The second part is taken from the base. Pure.
import { z } from 'zod'
import { parseJson } from '../../src/shared/json.ts'

const Manifest = z.record(z.string(), z.unknown())
const PLACEHOLDER = /no test specified/
const Scripts = z.record(z.string(), z.string()).catch({})
const NODE_PARTS = ['jest', 'mocha', 'vitest', 'ava', 'tap', 'nyc', 'c8', 'babel', 'eslintConfig', 'config']
const PARTS_OF_FILE: Record<string, RegExp> = {
  'pyproject.toml': /^\[+tool\.(?:pytest|tox|coverage|ruff|mypy|pyright|nox|poe|pdm\.scripts|hatch\.envs)/,
  'setup.cfg': /^\[(?:tool:pytest|pytest|tox|coverage|flake8|mypy|aliases)/,
  'Cargo.toml': /^\[+(?:package\]|lib|test|bench|profile|lints|patch|replace|target\.[^\]]*runner)/,
}

/** Returns the head's file with the base's settings for tests. */
export function mergeManifest(path: string, base: string, head: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === 'package.json') return mergePackageJson(base, head)
  const parts = PARTS_OF_FILE[name]
  return parts === undefined ? base : mergeSections(base, head, parts)
}

function mergePackageJson(base: string, head: string): string {
  const [before, after] = [parse(base), parse(head)]
  if (before === null || after === null) return base
  const merged: Record<string, unknown> = { ...after }
  for (const part of NODE_PARTS) {
    if (before[part] === undefined) delete merged[part]
    else merged[part] = before[part]
  }
  const [old, fresh] = [Scripts.parse(before['scripts']), Scripts.parse(after['scripts'])]
  const added = Object.entries(fresh).filter(([name]) => !/^(?:pre|post)/.test(name))
  // What `npm init` writes is no script of the base.
  const real = Object.entries(old).filter(
    ([name, text]) => fresh[name] === undefined || !PLACEHOLDER.test(text),
  )
  merged['scripts'] = { ...Object.fromEntries(added), ...Object.fromEntries(real) }
  return `${JSON.stringify(merged, null, 2)}\n`
}

/** null: no JSON, so the base's file stands. */
function parse(text: string): Record<string, unknown> | null {
  return Manifest.safeParse(parseJson(text)).data ?? null
}

const split = (text: string): string[] => text.split(/^(?=\[)/m)

/** Merges TOML and INI files by section: sections that decide about tests come from the base, the others from the head. */
function mergeSections(base: string, head: string, decides: RegExp): string {
  const kept = split(head).filter((section) => !decides.test(section))
  const restored = split(base).filter((section) => decides.test(section))
  return [...kept.map((section) => (section.endsWith('\n') ? section : `${section}\n`)), ...restored].join('')
}

/**
 * Returns the head's Rust file with the base's test modules (`#[cfg(test)] mod x { … }`); null when the base has none or they are
 * equal.
 */
export function graftRustTests(base: string, head: string): string | null {
  const old = testModules(base)
  if (old.length === 0) return null
  const fresh = testModules(head)
  const without = fresh.reduce((text, block) => text.replace(block, () => ''), head)
  return old.join('\n') === fresh.join('\n') ? null : `${without.trimEnd()}\n\n${old.join('\n\n')}\n`
}

function testModules(text: string): string[] {
  return [...text.matchAll(/^#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\s+)?mod\s+\w+\s*\{/gm)].map(
    (match) => {
      let depth = 0
      for (let at = match.index; at < text.length; at++) {
        if (text[at] === '{') depth++
        else if (text[at] === '}' && --depth === 0) return text.slice(match.index, at + 1)
      }
      return text.slice(match.index)
    },
  )
}

/** True when two versions of a test differ only in spaces within lines, as after a formatter. Spaces inside quotes count. */
export function isSameButForSpaces(path: string, base: string, head: string): boolean {
  // Bytes that are no UTF-8 all read alike.
  if (base.includes('\uFFFD') || head.includes('\uFFFD')) return false
  // In these languages the indentation has a meaning, so it is compared.
  const keepsIndent = /\.(?:py|ya?ml|md|txt|snap)$/.test(path)
  const lines = (text: string) =>
    text
      .split('\n')
      .map((line) => (keepsIndent ? line.trimEnd() : withoutSpaces(line)))
      .filter((line) => line !== '')
      .join('\n')
  return lines(base) === lines(head)
}

const withoutSpaces = (line: string): string =>
  line.replaceAll(
    /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|\s+/g,
    (_, quoted: string | undefined) => quoted ?? '',
  )
