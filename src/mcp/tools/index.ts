// The catalog, in the order shown to the model. A new tool is a file beside this one and a line here.
import type { Tool } from '../kit/define-tool.ts'
import { planCancel } from './plan-cancel.ts'
import { planDiff } from './plan-diff.ts'
import { planList } from './plan-list.ts'
import { planMessage } from './plan-message.ts'
import { planResume } from './plan-resume.ts'
import { planStatus } from './plan-status.ts'
import { planSubmit } from './plan-submit.ts'
import { workspaceList } from './workspace-list.ts'
import { workspaceRegister } from './workspace-register.ts'
import { workspaceRemove } from './workspace-remove.ts'
import { workspaceSync } from './workspace-sync.ts'
import { workspaceUpdate } from './workspace-update.ts'

export const TOOLS: readonly Tool[] = [
  workspaceRegister,
  workspaceUpdate,
  workspaceList,
  workspaceSync,
  workspaceRemove,
  planSubmit,
  planStatus,
  planList,
  planDiff,
  planMessage,
  planCancel,
  planResume,
]
