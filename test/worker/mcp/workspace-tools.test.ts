// The tools of workspaces against a played object: what the model gets, word for word, and what the object was asked.
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../src/lib/errors.ts'
import { jsonBytes } from '../../../src/mcp/kit/answer-size.ts'
import {
  AT_MS,
  callTool,
  longBranch,
  MAX_RESULT_BYTES,
  playContext,
  workspaceRow,
} from '../support/mcp-fakes.ts'

describe('workspace_register', () => {
  const args = { name: 'site', git_remote: 'https://git.test/o/site.git' }

  it('answers the workspace in the documented shape', async () => {
    expect(await callTool(playContext(), 'workspace_register', args)).toMatchInlineSnapshot(`
      {
        "next_step": "Submit work with plan_submit.",
        "workspace": {
          "active_plans": 1,
          "branch": "main",
          "created_at": "2026-11-23T04:00:00.000Z",
          "git_remote": "https://git.test/o/site.git",
          "name": "site",
          "queued_plans": 0,
          "status": "ready",
          "status_detail": "The VM is ready.",
          "vm": {
            "adopted": false,
            "id": "vm-1",
            "status": "running",
            "url": "https://orgo.test/c/vm-1",
          },
          "warnings": [],
          "webhook": {
            "how_to": "Nothing to do.",
            "status": "receiving",
          },
        },
      }
    `)
  })

  it('hands every argument to the object under its own name, and one spelling of the remote', async () => {
    const played = playContext()
    await callTool(played, 'workspace_register', {
      name: 'site',
      git_remote: 'https://GIT.test/o/site.git/',
      branch: 'main',
      vm_id: 'vm-9',
      setup: 'npm ci',
      checks: ['npm test'],
      max_parallel: 3,
      open_pr: true,
    })
    expect(played.calls).toEqual([
      [
        'register',
        {
          name: 'site',
          gitRemote: 'https://git.test/o/site.git',
          branch: 'main',
          vmId: 'vm-9',
          setup: 'npm ci',
          checks: ['npm test'],
          maxParallel: 3,
          openPr: true,
        },
      ],
    ])
  })

  it('says of an existing workspace that it exists, and which arguments it does not follow', async () => {
    const played = playContext({
      stub: {
        register: async () => ({ workspace: workspaceRow(), existing: true, differs: ['setup', 'checks'] }),
      },
    })
    const { next_step } = await callTool(played, 'workspace_register', args)
    expect(next_step).toBe(
      'This workspace existed already. It keeps its own setup, checks, which differ from the arguments: change them with workspace_update. Submit work with plan_submit.',
    )
  })

  it.each([
    [
      'a remote with userinfo',
      { ...args, git_remote: 'https://user:secret-value@git.test/o/site.git' },
      'git_remote must not hold a user name or token',
    ],
    [
      'a remote over http',
      { ...args, git_remote: 'http://git.test/o/site.git' },
      'git_remote must be an https URL',
    ],
    ['a bad name', { ...args, name: 'Site' }, 'name must be 1 to 40 of a-z'],
    ['a hostile branch', { ...args, branch: '--upload-pack' }, 'branch has a part that begins with "-"'],
    [
      'a token in setup',
      { ...args, setup: 'git clone https://ghp_R8s3kQ2vT9xZ4mN7pL1wY6bC0dF5gH2jK4aE@git.test' },
      'setup holds something shaped like a GitHub token',
    ],
    ['an unknown argument', { ...args, token: 'x' }, 'There is no argument "token"'],
  ])('refuses %s before any object is asked', async (_what, bad, message) => {
    const played = playContext()
    const refusal = await callTool(played, 'workspace_register', bad).catch((error: unknown) => String(error))
    expect(refusal).toContain(message)
    expect(refusal).not.toMatch(/secret-value|R8s3kQ2v/)
    expect(played.calls).toEqual([])
  })

  it('names every missing setting before any object is asked', async () => {
    const played = playContext({
      context: {
        settings: () => {
          throw new SettingsError('The runtime is not configured. ORGO_API_KEY is not set.')
        },
      },
    })
    await expect(callTool(played, 'workspace_register', args)).rejects.toThrow('ORGO_API_KEY')
    expect(played.calls).toEqual([])
  })
})

describe('workspace_update', () => {
  it('passes on the name, by which the object knows itself, and only what is given', async () => {
    const played = playContext()
    const answer = await callTool(played, 'workspace_update', {
      workspace_id: 'site',
      keep_branch: true,
      react_to_feedback: false,
    })
    expect(played.calls).toEqual([['update', 'site', { keepBranch: true, reactToFeedback: false }]])
    expect(answer['workspace'].name).toBe('site')
  })

  it('refuses an unknown workspace and an empty change', async () => {
    const played = playContext()
    await expect(callTool(played, 'workspace_update', { workspace_id: 'site' })).rejects.toThrow(
      'nothing to change',
    )
    expect(played.calls).toEqual([])
    await expect(
      callTool(played, 'workspace_update', { workspace_id: 'other', open_pr: true }),
    ).rejects.toThrow('no workspace "other"')
  })
})

describe('workspace_list', () => {
  it('lists, and says what to do when there is none', async () => {
    expect(await callTool(playContext(), 'workspace_list', {})).toMatchObject({
      workspaces: [{ name: 'site', status: 'ready' }],
      next_step: expect.stringContaining('plan_submit'),
    })
    const none = playContext({ context: { listWorkspaces: async () => ({ workspaces: [], more: false }) } })
    expect(await callTool(none, 'workspace_list', {})).toMatchInlineSnapshot(`
      {
        "next_step": "Connect a repository with workspace_register. (One registered a moment ago is listed within seconds; workspace_sync knows it at once.)",
        "workspaces": [],
      }
    `)
  })

  it('stays below 10,000 tokens with fifty talkative workspaces and goes on with a cursor', async () => {
    const rows = Array.from({ length: 50 }, (_, index) =>
      workspaceRow({
        name: `w${index}`,
        statusDetail: 'ü'.repeat(900),
        warnings: Array.from({ length: 20 }, () => 'x'.repeat(900)),
      }),
    )
    const played = playContext({
      context: { listWorkspaces: async () => ({ workspaces: rows, more: false }) },
    })
    const answer = await callTool(played, 'workspace_list', {})
    expect(jsonBytes(answer)).toBeLessThan(MAX_RESULT_BYTES)
    expect(answer['workspaces'].length).toBeGreaterThan(3)
    expect(answer).toMatchObject({ cursor: expect.any(String), next_step: expect.stringContaining('cursor') })
  })
})

describe('workspace_sync', () => {
  it('answers branches and the commands that merge them', async () => {
    expect(await callTool(playContext(), 'workspace_sync', { workspace_id: 'site' })).toMatchInlineSnapshot(`
      {
        "as_of": "2026-11-23T04:00:00.000Z",
        "branches": [
          {
            "ahead": 1,
            "behind": null,
            "branch": "agent/0a1b2c3d-4e5f-8111-9222-333344445555",
            "commits": [
              {
                "sha": "cccccccccccccccccccccccccccccccccccccccc",
                "subject": "fix: typo",
              },
            ],
            "conflicts": null,
            "head": "cccccccccccccccccccccccccccccccccccccccc",
            "merge_status": "open",
            "plan_id": "0a1b2c3d-4e5f-8111-9222-333344445555",
            "plan_status": "completed",
          },
        ],
        "merge_commands": [
          "git fetch x",
          "git switch main",
          "git merge FETCH_HEAD",
          "git push x",
        ],
        "next_step": "Show merge_commands to the user, or run them in their clone when asked to.",
        "workspace": {
          "active_plans": 1,
          "branch": "main",
          "created_at": "2026-11-23T04:00:00.000Z",
          "git_remote": "https://git.test/o/site.git",
          "name": "site",
          "queued_plans": 0,
          "status": "ready",
          "status_detail": "The VM is ready.",
          "vm": {
            "adopted": false,
            "id": "vm-1",
            "status": "running",
            "url": "https://orgo.test/c/vm-1",
          },
          "warnings": [],
          "webhook": {
            "how_to": "Nothing to do.",
            "status": "receiving",
          },
        },
      }
    `)
  })

  it('shows each of a hundred branches exactly once over its pages, and never half a merge', async () => {
    const played = playContext({
      stub: {
        branches: async () => ({
          workspace: workspaceRow(),
          branches: Array.from({ length: 100 }, (_, index) => longBranch(`agent/${index}`)),
          asOfMs: AT_MS,
          mergeCommands: Array.from({ length: 100 }, (_, index) =>
            ['git fetch', 'git switch', 'git merge', 'git push'].map(
              (command) => `${command} ${'y'.repeat(80)}${index}`,
            ),
          ).flat(),
        }),
      },
    })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const answer = await callTool(played, 'workspace_sync', {
        workspace_id: 'site',
        ...(cursor === undefined ? {} : { cursor }),
      })
      expect(jsonBytes(answer)).toBeLessThan(MAX_RESULT_BYTES)
      expect(answer['merge_commands'].at(-1)).toMatch(/^git push/)
      seen.push(...answer['branches'].map((shape: { branch: string }) => shape.branch))
      cursor = answer['cursor']
    } while (cursor !== undefined)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => `agent/${index}`))
  })

  it('refuses an unknown workspace and a cursor that is not its own', async () => {
    await expect(callTool(playContext(), 'workspace_sync', { workspace_id: 'other' })).rejects.toThrow(
      'no workspace "other"',
    )
    await expect(
      callTool(playContext(), 'workspace_sync', { workspace_id: 'site', cursor: '../1' }),
    ).rejects.toThrow('cursor was not returned')
  })
})

describe('workspace_remove', () => {
  it('passes the choice on and says what became of the VM', async () => {
    const played = playContext()
    expect(await callTool(played, 'workspace_remove', { workspace_id: 'site', delete_vm: false }))
      .toMatchInlineSnapshot(`
      {
        "next_step": "There is nothing left to do. workspace_register creates the workspace again.",
        "removed": true,
        "vm_deleted": true,
      }
    `)
    await callTool(played, 'workspace_remove', { workspace_id: 'site' })
    expect(played.calls).toEqual([
      ['remove', 'site', false],
      ['remove', 'site', undefined],
    ])
  })
})
