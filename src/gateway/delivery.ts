// Serves bootstrap.sh and ralph.mjs to a VM. They are static assets, which would be public without this check.
import * as z from 'zod'
import type { TicketClaims, VmKeyClaims } from '../auth/vm-token.ts'
import { answer, jsonRefusal } from './frame/answers.ts'
import type { Handle, Handled } from './frame/context.ts'

const Manifest = z.object({ ralphSha256: z.string().regex(/^[0-9a-f]{64}$/) })

export async function handleDelivery(
  file: 'bootstrap.sh' | 'ralph.mjs',
  ...[request, claims, context]: Parameters<Handle<TicketClaims | VmKeyClaims>>
): Promise<Handled> {
  const rpc = await context.workspace(claims.workspace)
  if (!(await rpc.knowsVm(claims)))
    return jsonRefusal(401, 'vm_replaced', "This machine is not the workspace's any more.")
  if (file === 'ralph.mjs') {
    const manifest = await context.asset('manifest.json')
    const { ralphSha256 } = Manifest.parse(await manifest.json())
    // The hash is part of the request, so that a Worker deployed between two requests serves no other file than was asked for.
    if (new URL(request.url).searchParams.get('sha') !== ralphSha256)
      return jsonRefusal(404, 'other_version', `This Worker serves ralph.mjs with SHA-256 ${ralphSha256}.`)
  }
  const asset = await context.asset(file)
  if (!asset.ok)
    return jsonRefusal(503, 'not_built', `${file} is not part of this deployment: run the build.`)
  const type = file === 'ralph.mjs' ? 'text/javascript; charset=utf-8' : 'text/x-shellscript; charset=utf-8'
  return { response: answer(200, type, asset.body), outcome: 'delivered' }
}
