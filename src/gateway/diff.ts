// POST /vm/diff: a plan uploads the diff of what it just pushed, page by page. Names and lines in it are foreign text, so they
// are cleaned before they are stored. Whether its head is the pushed one is decided when the diff is read, not here.
import type { PlanClaims } from '../auth/vm-token.ts'
import { readCapped } from '../lib/http.ts'
import { showUnseen } from '../shared/text.ts'
import { DiffUpload, MAX_DIFF_PAGE_BYTES } from '../shared/protocol.ts'
import type { DiffFile } from '../shared/protocol.ts'
import type { DiffRefusal } from '../workspace/contract.ts'
import { answer, jsonRefusal } from './frame/answers.ts'
import type { Handle } from './frame/context.ts'
import { denial } from './frame/denials.ts'
import { parseJson } from '../shared/json.ts'

const MAX_BODY_BYTES = 2_000_000
const encoder = new TextEncoder()

export const handleDiff: Handle<PlanClaims> = async (request, claims, context) => {
  const body = await readCapped(request.body, MAX_BODY_BYTES)
  if (body === null) return jsonRefusal(413, 'too_large', `A part may have at most ${MAX_BODY_BYTES} bytes.`)
  const parsed = DiffUpload.safeParse(parseJson(body))
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join('.') ?? ''
    return jsonRefusal(
      400,
      'bad_request',
      `${where.slice(0, 200) || 'the body'} does not have the form of a diff.`,
    )
  }
  const pages = parsed.data.pages.map((files) => files.map(cleanFile))
  const long = pages.findIndex(
    (page) => encoder.encode(JSON.stringify(page)).byteLength > MAX_DIFF_PAGE_BYTES,
  )
  if (long !== -1)
    return jsonRefusal(
      400,
      'page_too_long',
      `pages.${long} has more than ${MAX_DIFF_PAGE_BYTES} bytes as JSON.`,
    )
  const rpc = await context.workspace(claims.workspace)
  const refusal = await rpc.storeDiff(claims, { ...parsed.data, pages })
  if (refusal === null) return { response: answer(200, 'application/json', '{}'), outcome: 'stored' }
  const { status, type, message } = toDenial(refusal)
  return jsonRefusal(status, type, message, refusal)
}

function cleanFile(file: DiffFile): DiffFile {
  return {
    ...file,
    path: oneLine(file.path),
    ...(file.oldPath === undefined ? {} : { oldPath: oneLine(file.oldPath) }),
    ...(file.mode === undefined ? {} : { mode: oneLine(file.mode) }),
    hunks: file.hunks.map((hunk) => ({ ...hunk, header: oneLine(hunk.header), text: showUnseen(hunk.text) })),
  }
}

const oneLine = (text: string): string =>
  showUnseen(text).replaceAll('\n', '\u240a').replaceAll('\t', '\u2409')

function toDenial(refusal: DiffRefusal): { status: number; type: string; message: string } {
  if (refusal === 'diff_out_of_order')
    return {
      status: 409,
      type: refusal,
      message: 'Pages before these are missing: send the diff again from page 0.',
    }
  if (refusal === 'diff_too_long')
    return { status: 413, type: refusal, message: 'This plan has uploaded more than is kept.' }
  return denial(refusal)
}
