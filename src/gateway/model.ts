import type { VmClaims } from '../auth/vm-token.ts'
import { modelError } from './answers.ts'
import type { GatewayContext, Handled } from './context.ts'

export async function handleModel(
  _request: Request,
  _claims: VmClaims,
  _context: GatewayContext,
): Promise<Handled> {
  return { response: modelError({ status: 503, type: 'api_error', message: 'not yet' }), outcome: 'todo' }
}
