// Detects Obsidian vaults and folders of documents. Their check is part of the agent, so no file of the plan can change it.
import { quote } from './detect-shapes.ts'
import type { Finding } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'

const TIMEOUT_MS = 10 * 60_000
const DOCUMENT =
  /\.(?:md|markdown|mdx|txt|rst|adoc|org|csv|tsv|canvas|docx|xlsx|pptx|odt|ods|odp|pdf|png|jpe?g|gif|svg|webp|avif|ico|tiff?|bmp|ai|psd|eps|mp[34]|webm|mov|wav|bib)$/i
/** Names of documents without an extension, and of files that only say how documents are kept. */
const BY_NAME =
  /^(?:readme|license|licence|copying|notice|authors|contributors|changelog|changes|codeowners|todo|\.git(?:ignore|attributes|keep)|\.editorconfig|citation\.cff|mkdocs\.ya?ml|antora\.yml|book\.toml|_toc\.yml|\.readthedocs\.ya?ml)$/i
/** Text files that programs read. */
const SETTING =
  /^(?:cmakelists|requirements[\w.-]*|constraints[\w.-]*|robots|conanfile|packages|manifest)\.txt$/i
const DATA = /\.(?:json|jsonl|ya?ml)$/i

/** True for a file that people read and no program runs. A check of documents decides only where all changed files are such. */
export function isDocument(path: string): boolean {
  if (path.startsWith('.obsidian/')) return true
  const name = path.slice(path.lastIndexOf('/') + 1)
  return BY_NAME.test(name) || (DOCUMENT.test(name) && !SETTING.test(name) && !path.startsWith('.github/'))
}

/** Settings of tools in hidden files or folders, and data, may lie beside documents without making them a program. */
const isBeside = (path: string): boolean => path.startsWith('.') || DATA.test(path)

export function detectDocuments(tree: Tree, { node, bundle }: Machine): Finding {
  const isVault = tree.paths.some((path) => path.startsWith('.obsidian/'))
  const isDocuments =
    tree.paths.some((path) => !path.startsWith('.') && isDocument(path)) &&
    tree.paths.every((path) => isDocument(path) || isBeside(path))
  if ((!isVault && !isDocuments) || tree.commit === null) return null
  const kind = isVault ? 'obsidian' : 'documents'
  return {
    kind,
    setup: [],
    checks: [
      {
        // A removed document is no failure: it is printed, and the judge sees whether the plan asks for it.
        command: `${quote(node)} ${quote(bundle)} check-documents ${kind} ${tree.commit} --may-remove`,
        shown: `links and files of the ${isVault ? 'vault' : 'documents'}`,
        kind: 'documents',
        timeoutMs: TIMEOUT_MS,
        files: [],
      },
    ],
    notes: [],
  }
}
