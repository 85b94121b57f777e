// Returns the one Account object, which holds what all workspaces share.
import type { Core } from './core.ts'

export const account = (core: Core) => core.env.ACCOUNT.getByName('account')
