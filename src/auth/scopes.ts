// What a caller may do. Two scopes only: looking, and everything that changes something, spends money or reaches a VM.

export const SCOPES = ['read', 'write'] as const
export type Scope = (typeof SCOPES)[number]

/** Whoever may write may also look. */
export function holds(scopes: readonly Scope[], needed: Scope): boolean {
  return scopes.includes(needed) || scopes.includes('write')
}

/** Every scope an operation needs, as a challenge names them: clients take the list for complete. */
export function neededScopes(needed: Scope): readonly Scope[] {
  return needed === 'write' ? SCOPES : ['read']
}

/** Those of ours among what a client or a token names; others, such as offline_access, mean nothing here. */
export function knownScopes(names: readonly string[]): Scope[] {
  return SCOPES.filter((scope) => names.includes(scope))
}
