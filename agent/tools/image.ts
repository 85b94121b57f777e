// Reads the kind and size of a picture from its first bytes and makes it small enough for the model. To make it smaller it uses a
// program that is installed on the machine, if there is one; the agent brings none of its own.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { run } from '../machine/process.ts'

/** The API makes larger pictures smaller itself, but only after they were sent and paid for. */
const MAX_SIDE_PX = 1_568
const MAX_BYTES = 2 * 1024 * 1024
const RESIZE_TIMEOUT_MS = 30_000

export type MediaType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'
export interface Image {
  mediaType: MediaType
  width: number
  height: number
}

/** Pure. Returns null when the bytes are no picture that the model can read. */
export function identifyImage(bytes: Buffer): Image | null {
  if (bytes.byteLength < 30) return null
  if (bytes.subarray(0, 8).equals(PNG))
    return { mediaType: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  const tag = bytes.toString('latin1', 0, 6)
  if (tag === 'GIF87a' || tag === 'GIF89a')
    return { mediaType: 'image/gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP')
    return { mediaType: 'image/webp', ...webpSize(bytes) }
  return bytes.readUInt16BE(0) === 0xffd8 ? { mediaType: 'image/jpeg', ...jpegSize(bytes) } : null
}

export interface FitInput {
  file: string
  bytes: Buffer
  image: Image
  env: NodeJS.ProcessEnv
}

/** Returns the picture in a size that may be sent. Errors: ToolError when it is too large and no program can make it smaller. */
export async function fitImage(input: FitInput): Promise<{ bytes: Buffer; image: Image }> {
  const { file, bytes, image, env } = input
  const { width, height } = image
  if (Math.max(width, height) <= MAX_SIDE_PX && bytes.byteLength <= MAX_BYTES) return { bytes, image }
  const folder = mkdtempSync(join(env['TMPDIR'] ?? '/tmp', 'image-'))
  try {
    const target = join(folder, 'small.png')
    for (const [program, args] of resizers(file, target)) {
      const { code } = await run(program, args, { env, timeoutMs: RESIZE_TIMEOUT_MS, cwd: folder })
      if (code !== 0) continue
      const small = readFileSync(target)
      const found = identifyImage(small)
      if (found !== null && small.byteLength <= MAX_BYTES) return { bytes: small, image: found }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  throw new ToolError(
    `The picture has ${width} x ${height} pixels and ${bytes.byteLength} bytes; at most ${MAX_SIDE_PX} pixels a side and ${MAX_BYTES} bytes can be shown. Make a smaller copy (a smaller viewport, ImageMagick, ffmpeg, Pillow) and read that.`,
  )
}

function resizers(file: string, target: string): [string, string[]][] {
  const box = `${MAX_SIDE_PX}x${MAX_SIDE_PX}>`
  const scale = `scale='min(${MAX_SIDE_PX},iw)':'min(${MAX_SIDE_PX},ih)':force_original_aspect_ratio=decrease`
  return [
    ['magick', [file, '-resize', box, target]],
    ['convert', [file, '-resize', box, target]],
    ['ffmpeg', ['-loglevel', 'error', '-y', '-i', file, '-frames:v', '1', '-vf', scale, target]],
  ]
}

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

function webpSize(bytes: Buffer): { width: number; height: number } {
  const kind = bytes.toString('latin1', 12, 16)
  if (kind === 'VP8X') return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  if (kind === 'VP8L') {
    const bits = bytes.readUInt32LE(21)
    return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 }
  }
  return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
}

/** Reads the size from the first frame header. Returns 0 x 0 for a JPEG without one. */
function jpegSize(bytes: Buffer): { width: number; height: number } {
  for (let at = 2; at + 9 < bytes.byteLength;) {
    if (bytes[at] !== 0xff) return { width: 0, height: 0 }
    const marker = bytes[at + 1] ?? 0
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) }
    at += 2 + bytes.readUInt16BE(at + 2)
  }
  return { width: 0, height: 0 }
}
