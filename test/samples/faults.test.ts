// A small sample of `npm run faults` (test/faults): kills at some records of the journal, in the middle of a push and of a check,
// an overload, a moved base, a message and a cancel; and four walks through what an agent may do to its checkout.
import { expect, test } from 'vitest'
import { GROUND_FAULTS } from '../faults/ground-faults.ts'
import { KILLS, killsAtEveryRecord } from '../faults/kills.ts'
import { MODEL_FAULTS } from '../faults/model-faults.ts'
import { PERSON_FAULTS } from '../faults/person-faults.ts'
import { makeSequence } from '../faults/walk/sequence.ts'
import { walk } from '../faults/walk/walk.ts'

const ALL = [...KILLS, ...MODEL_FAULTS, ...GROUND_FAULTS, ...PERSON_FAULTS]
const SAMPLE = [
  'while request 2 is on its way',
  'when a push is through and its answer is not',
  'while the proof runs',
  '529 eight times in a row',
  '402 at request 3, then a new budget and resume',
  'the base moves on with a conflict',
  'writes while a command runs',
  'cancels while it is working, then resumes',
]

test.each(SAMPLE)('nothing is lost and nothing runs twice: %s', { timeout: 900_000 }, async (name) => {
  const fault = ALL.find((one) => one.name === name)
  expect(fault).toBeDefined()
  await fault?.run()
})

test(
  'nothing is lost and nothing runs twice: kills at three records of the journal',
  { timeout: 1_800_000 },
  async () => {
    const kills = await killsAtEveryRecord()
    expect(kills.length).toBeGreaterThan(30)
    const third = Math.floor(kills.length / 3)
    for (const [at, kill] of kills.entries()) if (at % third === 7) await kill.run()
  },
)

test(
  'nothing is lost, whatever the agent does to its checkout: four sequences of the walk',
  { timeout: 1_800_000 },
  async () => {
    const sequences = Array.from({ length: 30 }, (_, at) => makeSequence(at + 1))
      .filter(({ steps }) => steps.every(({ open }) => open === undefined))
      .slice(0, 4)
    expect(sequences).toHaveLength(4)
    expect(await walk({ sequences, lanes: 2, say: console.log })).toEqual([])
  },
)
