// The two scopes of a caller: read, and write, which covers everything that changes something, spends money or reaches a VM.

export const SCOPES = ['read', 'write'] as const
export type Scope = (typeof SCOPES)[number]

/** A caller with write may also read. */
export function holds(scopes: readonly Scope[], needed: Scope): boolean {
  return scopes.includes(needed) || scopes.includes('write')
}

/** Returns every scope an operation needs, as a challenge names them: clients take the list as complete. */
export const neededScopes = (needed: Scope): readonly Scope[] => (needed === 'write' ? SCOPES : ['read'])

/** Returns our own scopes among those a client or a token names. Others, such as offline_access, mean nothing here. */
export function knownScopes(names: readonly string[]): Scope[] {
  return SCOPES.filter((scope) => names.includes(scope))
}
