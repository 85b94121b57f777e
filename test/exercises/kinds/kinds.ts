// Every case of the table in docs/verification.md.
import type { Kind } from './kind.ts'
import { RIGHT_KINDS } from './right-kinds.ts'
import { UNRUN_KINDS } from './unrun-kinds.ts'
import { WORLD_KINDS } from './world-kinds.ts'
import { WRONG_KINDS } from './wrong-kinds.ts'

export const KINDS: Kind[] = [...WRONG_KINDS, ...UNRUN_KINDS, ...RIGHT_KINDS, ...WORLD_KINDS]
