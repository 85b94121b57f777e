// Looks for every secret of the stack in every byte that reaches a VM. It answers with names and places, never with values.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, existsSync } from 'node:fs'
import { vmProcesses } from './vm-processes.ts'

export interface Sighting {
  secret: string
  where: string
}

export type SecretWatch = ReturnType<typeof createSecretWatch>

/**
 * `secrets`: name → value. Each is looked for as it is, percent-encoded, in hex, and as base64 at any place inside a longer text.
 */
export function createSecretWatch(secrets: Record<string, string>) {
  const needles = Object.entries(secrets).flatMap(([name, value]) =>
    [...new Set([value, encodeURIComponent(value), ...hexForms(value), ...base64Forms(value)])].map(
      (text) => ({
        name,
        text,
        bytes: Buffer.from(text),
      }),
    ),
  )
  const longest = Math.max(...needles.map(({ bytes }) => bytes.length))
  const seen: Sighting[] = []
  const note = (secret: string, where: string): void => {
    if (!seen.some((one) => one.secret === secret && one.where === where)) seen.push({ secret, where })
  }

  /** Watches one stream. It keeps the end of each chunk, so that it also sees a secret that is split over two chunks. */
  function stream(where: string): (chunk: Uint8Array) => void {
    let tail: Buffer = Buffer.alloc(0)
    return (chunk) => {
      const text = Buffer.concat([tail, chunk])
      for (const { name, bytes } of needles) if (text.includes(bytes)) note(name, where)
      tail = text.subarray(Math.max(0, text.length - longest + 1))
    }
  }

  async function searchDisk(dir: string): Promise<void> {
    // The secrets go through a pipe, because a plan's user can list this machine's command lines.
    const grep = spawn('grep', ['-rlsaF', '-D', 'skip', '-f', '-', '--', dir], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const done = once(grep, 'close')
    grep.stdin.on('error', () => undefined) // grep may end early; its output says what it found
    grep.stdin.end(needles.map(({ text }) => text).join('\n'))
    let files = ''
    for await (const chunk of grep.stdout) files += String(chunk)
    await done
    for (const file of files.split('\n').filter((line) => line !== '')) {
      const look = stream(`disk ${file.slice(dir.length)}`)
      try {
        for await (const chunk of createReadStream(file)) look(chunk)
      } catch {
        // The file has moved since grep saw it. The next look finds it at its new place.
      }
    }
  }

  return {
    stream,
    /**
     * Returns all secrets seen so far. It also searches the disks and the running processes, where a leaked secret would end up.
     */
    async sightings(dirs: string[]): Promise<Sighting[]> {
      for (const dir of dirs) if (existsSync(dir)) await searchDisk(dir)
      for (const { pid, bytes } of vmProcesses(dirs)) stream(`process ${pid}`)(bytes)
      return [...seen]
    },
  }
}

function hexForms(value: string): string[] {
  const hex = Buffer.from(value).toString('hex')
  return [hex, hex.toUpperCase()]
}

/** Returns how the value looks inside base64 of a longer text, at the three possible alignments. */
function base64Forms(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
    const whole = padded.toString('base64').slice(0, Math.floor((padded.length * 8) / 6))
    const text = whole.slice(Math.ceil((offset * 8) / 6))
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')]
  })
}
