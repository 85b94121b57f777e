// What a repository needs before work (set-up) and what must hold after it (checks), told from its files as of one commit:
// never from the working tree, which the plan may have changed. Commands carry the base's own script texts, so that an edited
// package.json or Makefile cannot weaken them. A tool that is not on the machine gives a note, not a command that fails.
import { detectDocuments } from './detect-documents.ts'
import { detectNode } from './detect-node.ts'
import { detectOthers } from './detect-others.ts'
import { detectPython } from './detect-python.ts'
import type { Detected, DetectedCheck, SetupCommand } from './detect-shapes.ts'
import { readTree } from './detect-tree.ts'
import type { Tree } from './detect-tree.ts'
import type { Git } from '../git/git.ts'
import { findTools } from '../machine/programs.ts'
import type { Machine } from '../machine/programs.ts'

export interface DetectInput {
  git: Git
  /** The files as of this commit; null: the repository has none. */
  commit: string | null
  /** The plan's PATH and home. */
  env: NodeJS.ProcessEnv
  /** The plan's text: a plan that asks for removals may lose documents. */
  planText?: string
}

/** Reads the commit and looks at the machine. Errors: GitError when the commit cannot be read. */
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
  // Documents of a program are not its purpose; a vault's are, whatever lies beside them.
  if (documents !== null && (found.length === 0 || documents.kind === 'obsidian')) found.unshift(documents)
  return {
    kind: found[0]?.kind ?? 'unknown',
    setup: found.flatMap(({ setup }) => setup),
    checks: found.flatMap(({ checks }) => checks),
    notes: found.flatMap(({ notes }) => notes),
  }
}

export const detectChecks = async (input: DetectInput): Promise<DetectedCheck[]> =>
  (await detectAt(input)).checks

export const detectSetup = async (input: DetectInput): Promise<SetupCommand[]> =>
  (await detectAt(input)).setup
