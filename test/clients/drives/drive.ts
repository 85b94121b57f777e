// What a drive is given, and what it hands back for docs/clients.md.
import { clientConfigs } from '../../../deploy/client-configs.ts'
import type { Stack } from '../../e2e/support/stack.ts'
import type { ForeignPackage } from '../pins.ts'
import type { Recorder } from '../support/recorder.ts'

export interface DriveInput {
  stack: Stack
  /** In front of the stack: clients with a bearer token go through it. */
  recorder: Recorder
  /** An empty folder of the drive's own. */
  home: string
  /** A registered workspace of the drive's own. */
  workspace: string
}

export interface ClientDrive {
  /** As docs/clients.md names it. */
  client: string
  version: string
  /** The foreign package it needs; null: one of this project's own development packages. */
  needs: ForeignPackage | null
  /** How it shows who it is. */
  auth: string
  /** Ends with what was checked, one clause each. Errors: whatever did not hold. */
  drive: (input: DriveInput) => Promise<string[]>
}

/** The setting that `npm run dev` prints for this client, with the recorder's address: what is printed is what is run. */
export function printedSetting(client: string, { stack, recorder }: DriveInput): string {
  const found = clientConfigs(recorder.mcpUrl, stack.urls.owner_token).find((row) =>
    row.client.startsWith(client),
  )
  if (found?.proof !== 'tried')
    throw new Error(`deploy/client-configs.ts has no setting of ${client} marked as tried.`)
  return found.how
}
