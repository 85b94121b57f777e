// What a waiting plan_status answers early for. The object and the tool wait for the same.

interface Watched {
  status: string
  phase: string | null
  question: string | null
  mergeStatus: string
  attempt: number
}

/** Returns a text that changes with everything for which a wait ends. */
export const waitKey = ({ status, phase, question, mergeStatus, attempt }: Watched): string =>
  JSON.stringify([status, phase, question, mergeStatus, attempt])
