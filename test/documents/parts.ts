// Between its two marks, a part of a document is what a program printed.

const marks = (name: string): RegExp =>
  new RegExp(`(<!-- begin: npm run docs -- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`)

/** The document with the part in its place. Errors: throws when it has no such place. */
export function withPart(document: string, name: string, part: string): string {
  if (!marks(name).test(document)) throw new Error(`no place for ${name}`)
  return document.replace(marks(name), (_, begin: string, end: string) => `${begin}\n${part}\n\n${end}`)
}
