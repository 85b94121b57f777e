// Keeps an answer below the 10,000 tokens of SPEC section 5. Counted in UTF-8 bytes of its JSON, four to a token.

/** Leaves room for the fields around a list. */
export const MAX_ANSWER_BYTES = 36_000

const encoder = new TextEncoder()

export function jsonBytes(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).byteLength
}

/** As many of the first items as fit; always at least one, so that paging ends. */
export function fitting<Item>(items: Item[], maxBytes: number): Item[] {
  let bytes = 0
  const end = items.findIndex((item, index) => {
    bytes += jsonBytes(item) + 1
    return bytes > maxBytes && index > 0
  })
  return end === -1 ? items : items.slice(0, end)
}
