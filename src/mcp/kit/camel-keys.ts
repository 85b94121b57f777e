// Renames keys: the arguments of a tool are snake_case, the object's inputs are the same fields in camelCase.

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name

/** Optional stays optional, and an absent field stays absent. */
export type CamelKeys<Fields> = {
  [Name in keyof Fields as Name extends string ? Camel<Name> : Name]: Fields[Name]
}

export function toCamelKeys<Fields extends object>(fields: Fields): CamelKeys<Fields> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ) as CamelKeys<Fields> // fromEntries forgets the keys
}
