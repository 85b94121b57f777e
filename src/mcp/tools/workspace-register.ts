// workspace_register: gives a git repository a workspace with its own VM.
import * as z from 'zod'
import { UserError } from '../../lib/errors.ts'
import { normalRemote, remoteProblem } from '../../lib/git-names.ts'
import { toCamelKeys } from '../kit/camel-keys.ts'
import { defineTool } from '../kit/define-tool.ts'
import { workspaceNextStep } from '../kit/next-step.ts'
import {
  OutWorkspace,
  ParamBranch,
  ParamChecks,
  ParamMaxParallel,
  ParamName,
  ParamOpenPr,
  ParamSetup,
} from '../kit/params.ts'
import { toWorkspace } from '../kit/shapes.ts'
import { workspaceText } from '../kit/workspace-text.ts'

export const workspaceRegister = defineTool({
  name: 'workspace_register',
  title: 'Register a workspace',
  description:
    'Connects a git repository to a cloud VM of its own, where plans are carried out. Needed once per repository; returns at once while the VM is being created. The same name and git_remote again returns the existing workspace. Never pass git tokens: the owner sets GIT_CREDENTIALS.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({
    name: ParamName.describe('a-z, 0-9 and "-", at most 40'),
    git_remote: z.string().describe('https URL without user name or token'),
    branch: ParamBranch.describe("base branch; default: the remote's").exactOptional(),
    vm_id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,100}$/, 'may hold only letters, digits, "_" and "-"')
      .describe('adopt this existing Orgo computer')
      .exactOptional(),
    setup: ParamSetup.exactOptional(),
    checks: ParamChecks.exactOptional(),
    max_parallel: ParamMaxParallel.exactOptional(),
    open_pr: ParamOpenPr.exactOptional(),
  }),
  output: OutWorkspace,
  handler: async ({ git_remote, ...args }, context) => {
    const problem = remoteProblem(git_remote, context.addresses())
    if (problem !== null) throw new UserError(`git_remote ${problem}.`)
    context.settings()
    const stub = await context.workspace(args.name)
    const { workspace, existing, differs } = await stub.register({
      ...toCamelKeys(args),
      gitRemote: normalRemote(git_remote),
    })
    const changed =
      differs.length === 0
        ? ''
        : ` It keeps its own ${differs.join(', ')}, which differ from the arguments: change them with workspace_update.`
    const shape = toWorkspace(workspace)
    return {
      structured: {
        workspace: shape,
        next_step: `${existing ? `This workspace existed already.${changed} ` : ''}${workspaceNextStep(workspace)}`,
      },
      text: `Workspace ${workspace.name} is ${workspace.status}.\n${workspaceText(shape)}`,
    }
  },
})
