// The one Account object, which holds what crosses workspaces.
import type { Core } from './core.ts'

export const account = (core: Core) => core.env.ACCOUNT.getByName('account')
