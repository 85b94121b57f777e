// Which token opens what, and when: the one list that the test of the real Worker (token-matrix.test.ts) and the table in
// docs/security.md (security-docs.test.ts) are both held against. What is not listed is refused without a call upstream.

/** A route each, as `opens` names them; fetch and push are git, of this workspace and to this plan's branch. */
export const ROUTES = [
  'bootstrap.sh',
  'ralph.mjs',
  'key',
  'sync',
  'fetch',
  'push list',
  'push',
  'messages',
  'count_tokens',
  'models',
  'mcp',
  'plans',
] as const
export type Route = (typeof ROUTES)[number]

/** What the plan, the workspace and its machine are when the token is shown. */
export const STATES = [
  'machine booting',
  'plan queued',
  'plan running',
  'plan paused, first 10 minutes',
  'plan paused, later',
  'plan completed',
  'plan failed',
  'plan cancelled',
  'next attempt running',
  'machine replaced',
  'workspace removed',
] as const
export type State = (typeof STATES)[number]

/** Tokens that open nothing, ever, are listed with an empty `opens`. */
export interface TokenRow {
  token: string
  opens: { routes: Route[]; in: State[] }[]
}

const WORKING: State[] = STATES.filter(
  (state) => state !== 'workspace removed' && state !== 'machine replaced',
)
const GIT: Route[] = ['fetch', 'push list', 'push']
const MODEL: Route[] = ['messages', 'count_tokens', 'models']
/** Of another running plan: its own rights, whatever became of this one. */
const NOT_REMOVED: State[] = STATES.filter((state) => state !== 'workspace removed')

export const MATRIX: TokenRow[] = [
  { token: 'none', opens: [] },
  { token: 'words that are no token', opens: [] },
  { token: 'plan token, payload changed', opens: [] },
  { token: 'plan token, signed with another TOKEN_KEY', opens: [] },
  { token: 'plan token, expired', opens: [] },
  { token: 'bootstrap ticket, expired', opens: [] },
  { token: 'OWNER_TOKEN', opens: [{ routes: ['mcp', 'plans'], in: [...STATES] }] },
  {
    token: 'bootstrap ticket',
    opens: [
      { routes: ['bootstrap.sh', 'ralph.mjs'], in: WORKING },
      { routes: ['key'], in: ['machine booting'] },
    ],
  },
  { token: 'VM key', opens: [{ routes: ['bootstrap.sh', 'ralph.mjs', 'sync', 'fetch'], in: WORKING }] },
  {
    token: 'VM key on a clone of the disk',
    opens: [{ routes: ['bootstrap.sh', 'ralph.mjs', 'fetch'], in: WORKING }],
  },
  {
    token: "another workspace's VM key",
    opens: [{ routes: ['bootstrap.sh', 'ralph.mjs'], in: [...STATES] }],
  },
  {
    token: 'plan token',
    opens: [
      { routes: [...GIT, ...MODEL], in: ['machine booting', 'plan running'] },
      { routes: GIT, in: ['plan paused, first 10 minutes'] },
    ],
  },
  {
    token: 'plan token of the next attempt',
    opens: [{ routes: [...GIT, ...MODEL], in: ['next attempt running', 'machine replaced'] }],
  },
  {
    token: 'plan token of another plan here',
    opens: [{ routes: ['fetch', 'push list', ...MODEL], in: NOT_REMOVED }],
  },
  { token: "another workspace's plan token", opens: [{ routes: MODEL, in: [...STATES] }] },
  { token: 'plan token of a plan nobody knows', opens: [] },
]

/** As docs/security.md has it. */
export function toMarkdown(): string {
  const when = (states: State[]) => {
    if (states.length === STATES.length) return 'always'
    const not = STATES.filter((state) => !states.includes(state))
    return not.length < 4 ? `always, but not while ${not.join(' or ')}` : `while ${states.join(', ')}`
  }
  const lines = MATRIX.flatMap(({ token, opens }) =>
    opens.length === 0
      ? [`| ${token} | nothing | – |`]
      : opens.map(({ routes, in: states }) => `| ${token} | ${routes.join(', ')} | ${when(states)} |`),
  )
  return ['| Shown | Opens | When |', '| --- | --- | --- |', ...lines].join('\n')
}
