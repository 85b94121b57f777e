// The API of the workspace's git host, where it is one we know and a token for it is there.
import { bearerForApi } from '../../auth/git-credentials.ts'
import { createGithub, githubRepo } from '../../github/api.ts'
import type { Github } from '../../github/api.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'

export function githubFor(core: Core): Github | null {
  const { gitRemote } = requireWorkspace(core)
  const settings = core.settings()
  const repo = githubRepo(gitRemote, settings.githubApiUrl, settings.local)
  const token = repo === null ? null : bearerForApi(settings.gitCredentials, gitRemote, settings)
  return repo === null || token === null ? null : createGithub({ apiUrl: settings.githubApiUrl, token, repo })
}
