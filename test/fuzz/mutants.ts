// Three gateways that are broken in ways a gateway could be: the fuzzer is worth something only while it catches them.

export interface Mutant {
  name: string
  changes: { file: string; from: string; to: string }[]
}

const PARSER = 'src/git/receive-pack.ts'

export const MUTANTS: Mutant[] = [
  {
    name: 'asks for the first command only, and forwards all',
    changes: [
      {
        file: PARSER,
        from: "return { kind: 'push', commands,",
        to: "return { kind: 'push', commands: commands.slice(0, 1),",
      },
    ],
  },
  {
    name: 'forgets to ask for deletions',
    changes: [
      {
        file: PARSER,
        from: "return { kind: 'push', commands,",
        to: "return { kind: 'push', commands: commands.filter(({ newId }) => !/^0+$/.test(newId)),",
      },
    ],
  },
  {
    name: 'passes a second capability list on, unread',
    changes: [
      {
        file: PARSER,
        from: "      if (capabilities !== null) return malformed('a second capability list')\n",
        to: '      if (capabilities !== null) {\n        shallow.push(`\\0raw${text}`)\n        continue\n      }\n',
      },
      {
        file: PARSER,
        from: '    ...shallow.map((oid) => pkt(`shallow ${oid}`)),\n',
        to: "    ...shallow.filter((one) => !one.startsWith('\\0raw')).map((oid) => pkt(`shallow ${oid}`)),\n",
      },
      {
        file: PARSER,
        from: '    FLUSH,\n  ])\n}\n',
        to: "    ...shallow.filter((one) => one.startsWith('\\0raw')).map((one) => pkt(one.slice(4))),\n    FLUSH,\n  ])\n}\n",
      },
    ],
  },
]
