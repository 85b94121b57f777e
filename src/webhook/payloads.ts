// Schemas of the fields we read in GitHub's payloads; everything else passes unread.
import * as z from 'zod'

const Repository = z.object({ full_name: z.string().max(300), clone_url: z.url().max(2_000) })
const Branch = z.string().max(400)

export const PushPayload = z.object({ ref: Branch, deleted: z.boolean().optional(), repository: Repository })

export const PullRequestPayload = z.object({
  action: z.string().max(60),
  pull_request: z.object({
    html_url: z.url().max(2_000),
    merged: z.boolean().nullish(),
    head: z.object({ ref: Branch, repo: z.object({ full_name: z.string() }).nullish() }),
  }),
  repository: Repository,
})

export const DeletePayload = z.object({ ref: Branch, ref_type: z.string(), repository: Repository })
