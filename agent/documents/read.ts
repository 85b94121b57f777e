// Reads the files of a folder of documents, from a commit and as it is now, in one form. Symbolic links are not followed.
import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'

export type VaultKind = 'obsidian' | 'documents'

export interface Problem {
  path: string
  text: string
}

export interface Documents {
  /** Paths of regular files, sorted, in Unicode's composed form. */
  paths: string[]
  size(path: string): number
  /** Returns the text; null when the name is not that of a text, it is over 4 MB, or it cannot be read. */
  text(path: string): string | null
}

const TEXT = /\.(?:md|markdown|mdx|txt|rst|adoc|json|jsonl|ya?ml|csv|tsv|canvas|html?|svg|tex|org)$/i
const MAX_TEXT_BYTES = 4 * 1024 * 1024
const MAX_GIT_BYTES = 1024 * 1024 * 1024
const GIT = ['-c', 'core.fsmonitor=false', '-c', 'core.quotePath=false']

/** Reads the files of a commit. Errors: throws git's message when the commit does not exist. */
export function readBase(commit: string): Documents {
  const listed = git(['ls-tree', '-r', '-z', '-l', '--full-tree', commit]).toString('utf8')
  const entries = listed.split('\0').flatMap((line) => {
    const [, object, size, path] = /^100\d+ blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(line) ?? []
    return object === undefined || path === undefined
      ? []
      : [{ object, size: Number(size), path: path.normalize('NFC') }]
  })
  const texts = readBlobs(
    entries.filter(({ path, size }) => TEXT.test(path) && size <= MAX_TEXT_BYTES).map(({ object }) => object),
  )
  const byPath = new Map(entries.map((entry) => [entry.path, entry]))
  return {
    paths: [...byPath.keys()].toSorted(),
    size: (path) => byPath.get(path)?.size ?? 0,
    text: (path) => texts.get(byPath.get(path)?.object ?? '')?.toString('utf8') ?? null,
  }
}

/** Reads what git would commit in the current folder: tracked files and new ones that are not ignored. */
export function readNow(): Documents {
  const listed = git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  const files = new Map<string, { raw: Buffer; size: number }>()
  for (let from = 0, end = listed.indexOf(0); end !== -1; from = end + 1, end = listed.indexOf(0, from)) {
    const raw = listed.subarray(from, end)
    const stat = lstatSync(raw, { throwIfNoEntry: false })
    if (stat?.isFile() === true) files.set(raw.toString('utf8').normalize('NFC'), { raw, size: stat.size })
  }
  return {
    paths: [...files.keys()].toSorted(),
    size: (path) => files.get(path)?.size ?? 0,
    text(path) {
      const file = files.get(path)
      if (file === undefined || !TEXT.test(path) || file.size > MAX_TEXT_BYTES) return null
      return readText(file.raw)
    },
  }
}

function readText(path: Buffer): string | null {
  let fd
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return null // the file is gone or may not be read
  }
  try {
    // The file may have grown since it was listed.
    const buffer = Buffer.alloc(Math.min(MAX_TEXT_BYTES, fstatSync(fd).size))
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.byteLength, 0)).toString('utf8')
  } finally {
    closeSync(fd)
  }
}

/** Reads all blobs in one call of git. Returns each by its id. */
function readBlobs(objects: string[]): Map<string, Buffer> {
  const unique = [...new Set(objects)]
  const said = git(['cat-file', '--batch'], unique.map((object) => `${object}\n`).join(''))
  const blobs = new Map<string, Buffer>()
  let at = 0
  for (const object of unique) {
    const newline = said.indexOf(10, at)
    const size = Number(said.subarray(at, newline).toString('latin1').split(' ')[2])
    if (!Number.isInteger(size)) throw new Error(`git cat-file does not know ${object}`)
    blobs.set(object, said.subarray(newline + 1, newline + 1 + size))
    at = newline + size + 2
  }
  return blobs
}

function git(args: string[], input = ''): Buffer {
  const result = spawnSync('git', [...GIT, ...args], { input, maxBuffer: MAX_GIT_BYTES })
  if (result.status !== 0)
    throw new Error(`git ${args[0]} failed: ${result.stderr?.toString().trim() || String(result.error)}`)
  return result.stdout
}
