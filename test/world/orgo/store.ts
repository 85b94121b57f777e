// Saves the stand-in's state in one JSON file that is replaced as a whole, so that a SIGKILL at any moment leaves the last
// complete state. The computers' disks are beside it in computers/{id}/.

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { computerSchema, workspaceSchema } from './model.ts'
import type { Computer, Workspace } from './model.ts'

const stateSchema = z.object({ workspaces: z.array(workspaceSchema), computers: z.array(computerSchema) })

export type Store = {
  workspaces: Map<string, Workspace>
  computers: Map<string, Computer>
  /** Host path of the folder that holds a computer's disk and boot id. */
  computerDir(id: string): string
  save(): void
}

export function openStore(stateDir: string): Store {
  const file = join(stateDir, 'orgo.json')
  const computersDir = join(stateDir, 'computers')
  // Disks hold files of other users, so no other user of this host may enter them.
  mkdirSync(computersDir, { recursive: true, mode: 0o700 })
  const state = readState(file)
  const workspaces = new Map(state.workspaces.map((workspace) => [workspace.id, workspace]))
  const computers = new Map(state.computers.map((computer) => [computer.id, computer]))
  // A disk without a computer in the state was being made or deleted when the stand-in ended.
  for (const name of readdirSync(computersDir)) {
    if (!computers.has(name)) rmSync(join(computersDir, name), { recursive: true, force: true })
  }
  return {
    workspaces,
    computers,
    computerDir: (id) => join(computersDir, id),
    save() {
      const text = JSON.stringify({
        workspaces: [...workspaces.values()],
        computers: [...computers.values()],
      })
      writeFileSync(`${file}.new`, text, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
  }
}

function readState(file: string): z.infer<typeof stateSchema> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return { workspaces: [], computers: [] } // this is the first start
  }
  return stateSchema.parse(JSON.parse(text))
}
