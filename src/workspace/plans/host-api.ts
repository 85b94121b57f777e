// Returns the API of the workspace's git host; null when we do not know its API or have no token for it.
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
