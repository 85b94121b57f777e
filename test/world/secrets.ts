// Canaries: every secret of the stack, looked for in every byte that reaches a VM. Answers with names and places, never values.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Sighting {
  secret: string
  where: string
}

export type SecretWatch = ReturnType<typeof createSecretWatch>

/** `secrets`: name → value. Each is looked for as it is and as base64 wherever that is how it would travel. */
export function createSecretWatch(secrets: Record<string, string>) {
  const needles = Object.entries(secrets).flatMap(([name, value]) =>
    [value, Buffer.from(value).toString('base64').replace(/=+$/, '')].map((text) => ({
      name,
      bytes: Buffer.from(text),
    })),
  )
  const longest = Math.max(...needles.map(({ bytes }) => bytes.length))
  const seen: Sighting[] = []
  const note = (secret: string, where: string): void => {
    if (!seen.some((one) => one.secret === secret && one.where === where)) seen.push({ secret, where })
  }
  return {
    /** A watcher of one stream: keeps the tail, so that a secret cut by a chunk border is seen as well. */
    stream(where: string): (chunk: Uint8Array) => void {
      let tail = Buffer.alloc(0)
      return (chunk) => {
        const text = Buffer.concat([tail, chunk])
        for (const { name, bytes } of needles) if (text.includes(bytes)) note(name, where)
        tail = text.subarray(Math.max(0, text.length - longest + 1))
      }
    },
    /** Looks through the disks too: whatever the way a secret took, there it would lie. */
    async sightings(dirs: string[]): Promise<Sighting[]> {
      for (const dir of dirs)
        for (const { name, bytes } of needles) {
          const found = await run('grep', ['-rlsaF', '-m1', '--', bytes.toString(), dir]).catch(() => ({
            stdout: '',
          }))
          for (const file of found.stdout.split('\n'))
            if (file !== '') note(name, `disk ${file.slice(dir.length)}`)
        }
      return [...seen]
    },
  }
}
