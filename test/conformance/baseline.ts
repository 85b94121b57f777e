// What a product server does not pass of the official suite, each check with its reason. Most scenarios are written for an SDK's
// "everything" server and call tools, prompts and resources of fixed names. An entry that fails no more fails the run.
import type { Excluded } from './judge.ts'

interface Group {
  reason: string
  says: RegExp
  runs: string[]
  /** `scenario` when its one check has the same name, else `scenario:check`. */
  checks: string[]
}

const NEW = '2026-07-28'
const OLD = '2025-11-25'

const GROUPS: Group[] = [
  {
    reason: 'calls a tool that only an SDK fixture server has',
    says: /There is no tool "test_/,
    runs: [NEW, OLD],
    checks: [
      'tools-call-audio',
      'tools-call-embedded-resource',
      'tools-call-error',
      'tools-call-image',
      'tools-call-mixed-content',
      'tools-call-simple-text',
      'tools-call-with-progress',
    ],
  },
  {
    reason:
      'calls a tool that only an SDK fixture server has (and that asks the client, which a stateless server cannot)',
    says: /There is no tool "test_/,
    runs: [OLD],
    checks: [
      'tools-call-sampling',
      'tools-call-elicitation',
      'elicitation-sep1034-defaults:elicitation-sep1034-general',
      'elicitation-sep1330-enums:elicitation-sep1330-general',
    ],
  },
  {
    reason: 'looks for a tool that only an SDK fixture server has',
    says: /'json_schema_2020_12_tool' not found/,
    runs: [NEW, OLD],
    checks: ['json-schema-2020-12:json-schema-2020-12-tool-found'],
  },
  {
    reason: 'gets a prompt that only an SDK fixture server has',
    says: /Prompt test_\w+ not found/,
    runs: [NEW, OLD],
    checks: [
      'prompts-get-embedded-resource',
      'prompts-get-simple',
      'prompts-get-with-args',
      'prompts-get-with-image',
    ],
  },
  {
    reason: 'reads a resource that only an SDK fixture server has',
    says: /Resource not found: test:\/\//,
    runs: [NEW, OLD],
    checks: ['resources-read-binary', 'resources-read-text', 'resources-templates-read'],
  },
  {
    reason: 'no completions are offered: workspaces have a list, plans have ids',
    says: /Method not found/,
    runs: [NEW, OLD],
    checks: ['completion-complete'],
  },
  {
    reason: 'nothing is subscribed to: a client told otherwise holds a stream open for news that never come',
    says: /Method not found/,
    runs: [OLD],
    checks: ['resources-subscribe', 'resources-unsubscribe'],
  },
  {
    reason: 'logging over MCP is deprecated and not offered: the log is the Worker’s',
    says: /Method not found/,
    runs: [OLD],
    checks: ['logging-set-level', 'tools-call-with-logging'],
  },
  {
    reason: 'no tool mirrors an argument into a header (x-mcp-header): browsers could not send it',
    says: /no tool with x-mcp-header/,
    runs: [NEW],
    checks: [
      'http-custom-header-server-validation:sep-2243-server-no-xmcp-tool',
      'http-custom-header-server-validation:sep-2243-server-decode-base64',
      'http-custom-header-server-validation:sep-2243-server-validate-param-match',
      'http-custom-header-server-validation:sep-2243-server-reject-invalid-param-chars',
      'http-custom-header-server-validation:sep-2243-server-reject-param-mismatch',
    ],
  },
  {
    reason: 'needs a diagnostic tool of an SDK fixture server',
    says: /Not testable: server does not list the diagnostic tool/,
    runs: [NEW],
    checks: [
      'server-stateless:sep-2575-server-rejects-undeclared-capability',
      'server-stateless:sep-2575-missing-capability-http-400',
      'server-stateless:sep-2575-http-server-no-independent-requests-on-stream',
      'server-stateless:sep-2575-server-no-log-without-loglevel',
    ],
  },
  {
    reason: 'calls a tool or prompt that asks for input in the middle of a call: ours never do',
    says: /There is no tool "test_|Prompt test_\w+ not found|Expected InputRequiredResult|could not get initial InputRequiredResult/,
    runs: [NEW],
    checks: [
      'input-required-result-basic-elicitation:sep-2322-elicitation-incomplete',
      'input-required-result-basic-list-roots:sep-2322-list-roots-incomplete',
      'input-required-result-basic-sampling:sep-2322-sampling-incomplete',
      'input-required-result-capability-check:sep-2322-respect-client-capabilities',
      'input-required-result-multi-round:sep-2322-multi-round-r1',
      'input-required-result-multiple-input-requests:sep-2322-multiple-inputs-incomplete',
      'input-required-result-non-tool-request:sep-2322-non-tool-incomplete',
      'input-required-result-request-state:sep-2322-request-state-incomplete',
      'input-required-result-result-type:sep-2322-result-type-included',
      'input-required-result-tampered-state:sep-2322-reject-tampered-state',
    ],
  },
]

export const BASELINE: Excluded[] = GROUPS.flatMap(({ reason, says, runs, checks }) =>
  runs.flatMap((run) =>
    checks.map((name) => {
      const [scenario = name, id = name] = name.split(':')
      return { run, scenario, id, reason, says }
    }),
  ),
)

const MEANINGFUL = ['tools-list', 'resources-list', 'prompts-list', 'dns-rebinding-protection']

/** What is meaningful for any server, and has to have run. */
export const REQUIRED = [
  {
    run: NEW,
    scenarios: [
      ...MEANINGFUL,
      'server-stateless',
      'sep-2164-resource-not-found',
      'caching',
      'server-sse-multiple-streams',
      'http-header-validation',
      'input-required-result-unsupported-methods',
    ],
  },
  { run: OLD, scenarios: [...MEANINGFUL, 'server-initialize', 'ping'] },
  {
    run: 'tasks',
    scenarios: [
      'tasks-lifecycle',
      'tasks-capability-negotiation',
      'tasks-wire-fields',
      'tasks-request-state-removal',
      'tasks-mrtr-input',
      'tasks-request-headers',
      'tasks-dispatch-and-envelope',
      'tasks-required-task-error',
      'tasks-mrtr-composition',
    ],
  },
  { run: 'authorization', scenarios: ['authorization-server-metadata-endpoint', 'authorization-code-grant'] },
]
