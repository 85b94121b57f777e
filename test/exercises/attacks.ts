// Wrong ways to a green light that have nothing to do with the work itself: as an agent that wants to be done, or a hostile
// repository, would try them. Each leaves the reference unsatisfied.
import type { Attack } from './attack.ts'
import { ATTACKS_BY_SIGHT } from './attacks-by-sight.ts'
import { ATTACKS_ON_CHECKS } from './attacks-on-checks.ts'
import { ATTACKS_ON_RUNNERS } from './attacks-on-runners.ts'
import { ATTACKS_ON_THE_PROOF } from './attacks-on-the-proof.ts'
import { FORGERIES } from './forgeries.ts'

export const ATTACKS: Attack[] = [
  ...ATTACKS_ON_CHECKS,
  ...ATTACKS_ON_RUNNERS,
  ...FORGERIES,
  ...ATTACKS_ON_THE_PROOF,
  ...ATTACKS_BY_SIGHT,
]
