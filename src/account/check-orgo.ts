// What `npm run doctor` checks at Orgo: whether the key is accepted, and whether one more computer fits.
import { readSettings } from '../lib/settings.ts'
import { createOrgo } from '../orgo/orgo.ts'
import { VmError } from '../orgo/vm.ts'
import { well, wrong } from '../lib/finding.ts'
import type { Finding } from '../lib/finding.ts'

export async function checkOrgo(env: Env): Promise<Finding> {
  const check = 'Orgo'
  const { orgoApiKey, orgoApiUrl } = readSettings({ ...env }).settings
  if (orgoApiKey === '') return wrong(check, 'ORGO_API_KEY is not set.', 'npm run deploy asks for it.')
  const orgo = createOrgo({ apiUrl: orgoApiUrl, apiKey: orgoApiKey })
  try {
    const used = (await orgo.listAll()).ids.length
    const room = await orgo.capacity()
    if (room !== null && room.used >= room.max)
      return wrong(
        check,
        `All ${room.max} computers of your Orgo plan are in use: a new workspace would get none.`,
        'Remove a computer at orgo.ai (or a workspace here), or choose a larger plan there.',
      )
    return well(check, `The key works; ${used} computers${room === null ? '' : ` of ${room.max}`} in use.`)
  } catch (error) {
    if (!(error instanceof VmError)) throw error
    const refused = error.code === 'key_refused'
    return wrong(
      check,
      error.message,
      refused
        ? 'Make a new key at orgo.ai and run ORGO_API_KEY=... npm run deploy'
        : 'Wait: the runtime tries again by itself.',
    )
  }
}
