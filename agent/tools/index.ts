// Lists the tools in the order the model sees them. The list is the same for every plan, because it is part of the cached prefix.
import { askTool } from './ask.ts'
import { bashTool } from './bash.ts'
import type { ToolContext } from './context.ts'
import { editTool } from './edit.ts'
import { finishTool } from './finish.ts'
import { grepTool } from './grep.ts'
import { itemsTool } from './items.ts'
import { notesTool } from './notes.ts'
import { readTool } from './read.ts'
import { writeTool } from './write.ts'

export function createTools(context: ToolContext) {
  return [
    bashTool(context),
    readTool(context),
    editTool(context),
    writeTool(context),
    grepTool(context),
    notesTool(context),
    itemsTool(context),
    finishTool(context),
    askTool(context),
  ]
}
