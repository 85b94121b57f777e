// The error for trouble with the VM that a person must know of. It sets the workspace's status and the plans' paused_reason.

export class VmTrouble extends Error {
  override name = 'VmTrouble'
  readonly reason: 'orgo_refused' | 'vm_unavailable'
  constructor(reason: VmTrouble['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}
