// Public repositories, as names alone: nothing of theirs is kept here. Each has a real commit as the right work and one small mistake
// put into it as the wrong one. By hand: the tests pass at the commit and its parent, and fail with the mistake.

export interface RepositoryCase {
  /** owner/name on GitHub. */
  repository: string
  /** The right work. The plan starts at its first parent. */
  commit: string
  /** The mistake: on this line of the commit's file `from`, which stands there once, becomes `to`. */
  mutant: { file: string; line: number; from: string; to: string }
}

export const REPOSITORIES: RepositoryCase[] = [
  {
    repository: 'alexeyraspopov/picocolors',
    commit: '5b01210390006229a9c9f4622234d43124b9daeb',
    mutant: { file: 'picocolors.js', line: 1, from: ' || ', to: ' && ' },
  },
  {
    repository: 'broofa/mime',
    commit: 'd7871f3bac120df5e4776e7c395b39d0d8e7b562',
    mutant: { file: 'src/Mime.ts', line: 76, from: "''", to: "'x'" },
  },
  {
    repository: 'component/emitter',
    commit: 'b34d74c7aeef326eeb452a3713b06ad20f92ebb4',
    mutant: { file: 'index.js', line: 45, from: ' || ', to: ' && ' },
  },
  {
    repository: 'd3/d3-format',
    commit: '17585db96d3196171d4e26a1f4ea3c648592ad20',
    mutant: { file: 'src/locale.js', line: 48, from: '!==', to: '===' },
  },
  {
    repository: 'DaveGamble/cJSON',
    commit: 'a328d65ad490b64da8c87523cbbfe16050ba5bf6',
    mutant: { file: 'cJSON.c', line: 325, from: '0', to: '1' },
  },
  {
    repository: 'developit/mitt',
    commit: '9eced2debd62a62669879b1ec0661259576f6215',
    mutant: { file: 'src/index.js', line: 28, from: ' || ', to: ' && ' },
  },
  {
    repository: 'google/uuid',
    commit: '2d3c2a9cc518326daf99a383f07c4d3c44317e4d',
    mutant: { file: 'time.go', line: 53, from: ' == ', to: ' != ' },
  },
  {
    repository: 'gorilla/mux',
    commit: 'fe14465e50778b54b9bfafc6995fd237ea5afb6b',
    mutant: { file: 'mux.go', line: 305, from: 'true', to: 'false' },
  },
  {
    repository: 'isaacs/minimatch',
    commit: '7953af1fac53267c05e362f036b70de898318faa',
    mutant: { file: 'src/index.ts', line: 656, from: 'if (', to: 'if (!' },
  },
  {
    repository: 'jonschlinkert/kind-of',
    commit: '5ecb91227957d0857362022b192f737db797cde3',
    mutant: { file: 'index.js', line: 4, from: '===', to: '!==' },
  },
  {
    repository: 'julienschmidt/httprouter',
    commit: '34250257ea144905c752bfaae80d6885f190daf6',
    mutant: { file: 'tree.go', line: 438, from: ' && ', to: ' || ' },
  },
  {
    repository: 'lukeed/mri',
    commit: '5437ea5cd9afcfcfe50c1c316aff990cac21231b',
    mutant: { file: 'lib/index.js', line: 50, from: ' || ', to: ' && ' },
  },
  {
    repository: 'mafintosh/duplexify',
    commit: 'b43a9202188c77de1a498a7c90877938d351d9aa',
    mutant: { file: 'index.js', line: 234, from: ' && ', to: ' || ' },
  },
  {
    repository: 'mafintosh/pump',
    commit: '0c507239810b1e7f79ba0927ef78e90dd3a529e5',
    mutant: { file: 'index.js', line: 70, from: 'if (', to: 'if (!' },
  },
  {
    repository: 'mahmoud/boltons',
    commit: '5df26592c29b9561d122640868ba0522cbc1e20d',
    mutant: { file: 'boltons/strutils.py', line: 849, from: 'if ', to: 'if not ' },
  },
  {
    repository: 'mapbox/pixelmatch',
    commit: '63ab4592d91312c8259588192e6a0a66e786f713',
    mutant: { file: 'index.js', line: 70, from: '!==', to: '===' },
  },
  {
    repository: 'max-mapper/concat-stream',
    commit: 'afff9d06f5d210b13f6392cb0141715a3e1ef983',
    mutant: { file: 'index.js', line: 56, from: '===', to: '!==' },
  },
  {
    repository: 'micromatch/picomatch',
    commit: '4516eb521f13a46b2fe1a1d2c9ef6b20ddc0e903',
    mutant: { file: 'lib/constants.js', line: 80, from: '0', to: '1' },
  },
  {
    repository: 'minimistjs/minimist',
    commit: 'fdbb909cf916b3bac9f76f6ee72c64e05b73c2d9',
    mutant: { file: 'index.js', line: 114, from: 'if (', to: 'if (!' },
  },
  {
    repository: 'mourner/flatbush',
    commit: '34d7277eecf4dcaf3af208a0b39f69c09595387d',
    mutant: { file: 'index.js', line: 368, from: ' <= ', to: ' > ' },
  },
  {
    repository: 'mourner/tinyqueue',
    commit: '0a59548415c7169d05bddeede6d5ca7b2f41b5d6',
    mutant: { file: 'index.js', line: 12, from: ' > ', to: ' <= ' },
  },
  {
    repository: 'vercel/ms',
    commit: '5e40ced47173d4fdb40e237f02f9dbd3b2682878',
    mutant: { file: 'src/index.ts', line: 171, from: ' >= ', to: ' < ' },
  },
]
