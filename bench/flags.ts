// The flags of `npm run bench`, the same for each bench; one that does not use a flag leaves it.
import { readCommandLine } from '../deploy/command-line.ts'

export const { values, words, refuse } = readCommandLine({
  command: 'npm run bench',
  about:
    'Runs bench/NAME.ts, or all of them, one after the other; exit 1 when one of them missed a target it names.',
  words: '[NAME...]',
  flags: {
    runs: { about: 'times that a measurement is repeated', number: 'N' },
    calls: { about: 'calls of a measurement', number: 'N' },
    connections: { about: 'connections of the bench mcp', number: 'N' },
  },
})
