// Detects what a repository needs before the work (set-up) and what must hold after it (checks). It reads the files of one
// commit, never the working tree, which the plan may have changed. Commands contain the base's own script texts, so that an
// edited package.json or Makefile cannot weaken them. A missing tool gives a note instead of a command that fails.
import { detectDocuments } from './detect-documents.ts'
import { detectNode } from './detect-node.ts'
import { detectOthers } from './detect-others.ts'
import { detectPython } from './detect-python.ts'
import { together } from './detect-shapes.ts'
import type { Detected } from './detect-shapes.ts'
import { readTree } from './detect-tree.ts'
import type { Tree } from './detect-tree.ts'
import type { Git } from '../git/git.ts'
import { findTools } from '../machine/programs.ts'
import type { Machine } from '../machine/programs.ts'

export interface DetectInput {
  git: Git
  /** The commit whose files are read; null when the repository has no commit. */
  commit: string | null
  /** The plan's environment, for its PATH and home. */
  env: NodeJS.ProcessEnv
  /** The plan's text. A plan that asks for removals may delete documents. */
  planText?: string
}

/** Detects from the commit and the machine's programs. Errors: GitError when the commit cannot be read. */
export async function detectAt({ git, commit, env, planText = '' }: DetectInput): Promise<Detected> {
  return detect(await readTree(git, commit), findTools(env), planText)
}

export async function detect(tree: Tree, machine: Machine, planText = ''): Promise<Detected> {
  const found: Detected[] = []
  for (const detector of [detectNode, detectPython, detectOthers]) {
    const finding = await detector(tree, machine)
    if (finding !== null) found.push(finding)
  }
  const documents = detectDocuments(tree, machine, planText)
  // In a program's repository the documents are not checked. A vault's documents are, even when code lies beside them.
  if (documents !== null && (found.length === 0 || documents.kind === 'obsidian')) found.unshift(documents)
  return together(found)
}
