// The error for trouble with the VM that a person must know of. It sets the workspace's status and the plans' paused_reason.
import type { PausedReason } from '../../shared/words.ts'

export class VmTrouble extends Error {
  override name = 'VmTrouble'
  readonly reason: PausedReason & ('orgo_refused' | 'vm_unavailable')
  constructor(reason: 'orgo_refused' | 'vm_unavailable', message: string) {
    super(message)
    this.reason = reason
  }
}
