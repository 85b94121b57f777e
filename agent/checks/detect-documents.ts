// Detects Obsidian vaults and folders of documents. Their check is part of the agent, so no file of the plan can change it.
import { quote } from './detect-shapes.ts'
import type { Finding } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'

const TIMEOUT_MS = 10 * 60_000
const DOCUMENT =
  /\.(?:md|markdown|mdx|txt|rst|adoc|json|jsonl|ya?ml|csv|tsv|canvas|docx|xlsx|pptx|odt|ods|odp|pdf|png|jpe?g|gif|svg)$/i
const REMOVES =
  /\b(?:delet\w*|remov\w*|drop|prun\w*|clean(?:s|ed|ing)?\s?up|de-?duplicat\w*|merg\w*|consolidat\w*|archiv\w*)\b/i

export function detectDocuments(tree: Tree, { node, bundle }: Machine, planText: string): Finding {
  const isVault = tree.paths.some((path) => path.startsWith('.obsidian/'))
  const isDocuments = tree.paths.some((path) => DOCUMENT.test(path))
  if ((!isVault && !isDocuments) || tree.commit === null) return null
  const kind = isVault ? 'obsidian' : 'documents'
  const mayRemove = REMOVES.test(planText) ? ' --may-remove' : ''
  return {
    kind,
    setup: [],
    checks: [
      {
        command: `${quote(node)} ${quote(bundle)} check-documents ${kind} ${tree.commit}${mayRemove}`,
        shown: `links and files of the ${isVault ? 'vault' : 'documents'}`,
        suite: 'quick',
        timeoutMs: TIMEOUT_MS,
        files: [],
      },
    ],
    notes: [],
  }
}
