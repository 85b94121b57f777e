import type { Core } from './core.ts'

/** The one Account object. */
export const account = (core: Core) => core.env.ACCOUNT.getByName('account')
