// Arguments used by several tools, with the words the model reads, and the output shapes the model is told. The output shapes are
// brief, because every conversation pays for each definition in its context.
import * as z from 'zod'
import { branchProblem } from '../../lib/git-names.ts'
import { WORKSPACE_NAME } from '../../lib/ids.ts'
import { PlanStatus, WorkspaceStatus } from '../../shared/words.ts'

/**
 * The text is kept unchanged. NUL and lone surrogates are refused, because they cannot pass through files and UTF-8 unchanged.
 * Length is checked here, because zod's own max counts code points (4.6) and the limit is in UTF-16 units.
 */
export const text = (min: number, max: number) =>
  z
    .string()
    .min(min, min === 1 ? 'must not be empty' : undefined)
    .refine((value) => value.length <= max, `is longer than ${max} characters (UTF-16 units)`)
    .refine((value) => !value.includes('\0'), 'holds a NUL character')
    .refine((value) => value.isWellFormed(), 'holds half a surrogate pair (broken UTF-16)')
    .meta({ maxLength: max })

const nameRule = 'must be 1 to 40 of a-z, 0-9 and "-", beginning with a letter or digit'
export const ParamName = z.string().regex(WORKSPACE_NAME, nameRule)
export const ParamWorkspaceId = ParamName.describe('name of the workspace')
// Not checked further here: an unknown id is answered with "there is no such plan".
export const ParamPlanId = z
  .string()
  .max(100, 'is not a plan id')
  .transform((id) => id.toLowerCase())
export const ParamBranch = z.string().check(({ value, issues }) => {
  const problem = branchProblem(value)
  if (problem !== null) issues.push({ code: 'custom', message: problem, input: value })
})
export const ParamChecks = z.array(text(1, 2_000)).max(20).describe('shell commands that must pass')
export const ParamSetup = text(0, 20_000).describe("shell, run before each plan's work")
export const ParamMaxParallel = z.int().min(1).max(16).describe('plans at a time')
export const ParamOpenPr = z.boolean().describe('open a pull request when work is pushed')
export const ParamBudget = z.number().positive().max(10_000)
export const ParamModel = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/, 'is not a model name')
export const ParamCursor = z.string().max(300)

const next_step = z.string()
const WorkspaceOut = z.looseObject({
  name: z.string(),
  status: WorkspaceStatus,
})
const PlanOut = z.looseObject({ id: z.string(), status: PlanStatus, branch: z.string() })
const BranchOut = z.looseObject({ branch: z.string(), plan_id: z.string() })
const EventOut = z.looseObject({ seq: z.int(), type: z.string(), text: z.string() })

export const OutWorkspace = z.object({ workspace: WorkspaceOut, next_step })
export const OutWorkspaces = z.object({
  workspaces: z.array(WorkspaceOut),
  cursor: z.string().exactOptional(),
  next_step,
})
export const OutBranches = z.object({
  workspace: WorkspaceOut,
  branches: z.array(BranchOut),
  as_of: z.string(),
  merge_commands: z.array(z.string()),
  cursor: z.string().exactOptional(),
  next_step,
})
export const OutRemoved = z.object({ removed: z.boolean(), vm_deleted: z.boolean(), next_step })
export const OutPlan = z.object({ plan: PlanOut, next_step })
export const OutSubmitted = z.object({
  plan: PlanOut,
  deduplicated: z.boolean().exactOptional(),
  next_step,
})
export const OutPlans = z.object({ plans: z.array(PlanOut), cursor: z.string().exactOptional(), next_step })
export const OutStatus = z.object({
  plan: PlanOut,
  events: z.array(EventOut),
  cursor: z.int(),
  next_step,
})
const HunkOut = z.looseObject({ header: z.string(), text: z.string() })
export const OutDiff = z.object({
  files: z.array(z.looseObject({ path: z.string(), status: z.string(), hunks: z.array(HunkOut) })),
  totals: z.looseObject({ files: z.int(), additions: z.int(), deletions: z.int() }).exactOptional(),
  pushed_head: z.string().exactOptional(),
  base_head: z.string().exactOptional(),
  cursor: z.string().exactOptional(),
  next_step,
})
