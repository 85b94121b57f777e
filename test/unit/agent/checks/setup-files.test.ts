// Whether set-up that a repository spells out can run on this machine.
import { expect, it } from 'vitest'
import { findExplicitSetup } from '../../../../agent/checks/setup-files.ts'
import { everyTool, machineWith, treeOf } from '../../../real/support/tree-of.ts'

// Regression: the name of the program was taken for a pattern, and g++ is none.
it('reads a script that calls g++', async () => {
  const tree = treeOf({ '.codex/setup.sh': 'g++ -o x x.cc\n' })
  expect((await findExplicitSetup(tree, everyTool))?.commands.map(({ command }) => command)).toEqual([
    'bash .codex/setup.sh',
  ])
  expect((await findExplicitSetup(tree, machineWith('bash')))?.notes[0]).toContain('another machine (g++)')
})

it('takes a function of the script for no program', async () => {
  const tree = treeOf({ '.codex/setup.sh': 'build() {\n  make\n}\nbuild\n' })
  expect((await findExplicitSetup(tree, machineWith('make')))?.notes).toEqual([])
})
