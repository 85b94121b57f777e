// Strings and values that break programs, gathered from what is known to break them, and generators around them.
import * as fc from 'fast-check'

export const NAUGHTY_STRINGS: string[] = [
  '',
  ' ',
  '\0',
  '\t\r\n\v\f',
  'undefined',
  'null',
  'true',
  'NaN',
  'Infinity',
  '-0',
  '1e309',
  '0x10',
  '[object Object]',
  '{}',
  '[]',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '../../../../etc/passwd',
  '..\\..\\windows',
  '/dev/null',
  'file:///etc/passwd',
  'CON',
  '-rf',
  '--upload-pack=touch /tmp/x',
  '$(touch /tmp/x)',
  '`id`',
  '; drop table plans; --',
  "' OR '1'='1",
  '"); process.exit(1); ("',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '${7*7}',
  '{{7*7}}',
  '%s%s%s%n',
  '%00',
  '%2e%2e%2f',
  '\u202Ereversed',
  '\u2066isolate\u2069',
  '\u200B\u200C\u200D\uFEFF',
  '\uD800',
  '\uDFFF\uD800',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  'Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮',
  'ﷺ'.repeat(100),
  'İstanbul ß ſ K',
  '田中さんにあげて下さい',
  'الْعَرَبِيَّة',
  'a'.repeat(100_001),
  '\u0000'.repeat(1_000),
  '9'.repeat(400),
  'https://user:pass@git.test/o/r',
  'https://git.test/o/r?x#y',
  'https://[::1]/o/r',
  'https://169.254.169.254/latest/meta-data',
  'http://127.0.0.1:1/o/r',
  'javascript:alert(1)',
  'git@github.com:o/r.git',
  'refs/heads/main',
  'HEAD',
  '@{-1}',
  'a..b',
  'a.lock',
  '-x',
  'agent/../main',
  '00000000-0000-8000-8000-000000000000',
  '00000000-0000-4000-8000-000000000000',
  'ghp_0123456789abcdefghijABCDEFGHIJ012345',
  '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
  'workspace://site',
  'plan://x/log',
  'plan://%00',
  'workspace://%zz',
]

export const NAUGHTY_VALUES: unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.1,
  1e308,
  -1e308,
  2 ** 53,
  2 ** 63,
  [],
  {},
  [null],
  [[[[[[]]]]]],
  { __proto__: null, length: -1 },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
]

const naughtyString = fc.oneof(
  fc.constantFrom(...NAUGHTY_STRINGS),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
)

export const naughty: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: naughtyString },
  { weight: 2, arbitrary: fc.constantFrom(...NAUGHTY_VALUES) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
)

export const METHODS = [
  'initialize',
  'server/discover',
  'ping',
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
  'tasks/list',
  'tasks/result',
  'subscriptions/listen',
  'sampling/createMessage',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
]

/** Mostly a method there is, so that what lies behind it is reached. */
export const method = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...METHODS) },
  { weight: 1, arbitrary: naughty },
)

const VERSIONS = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '1999-01-01', '', '\u00e9']

/** `_meta` of the newer era, whole or spoiled. */
const envelope = fc.record(
  {
    'io.modelcontextprotocol/protocolVersion': fc.oneof(fc.constantFrom(...VERSIONS), naughty),
    'io.modelcontextprotocol/clientInfo': fc.oneof(fc.constant({ name: 'x', version: '1' }), naughty),
    'io.modelcontextprotocol/clientCapabilities': fc.oneof(
      fc.constant({ elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } }),
      naughty,
    ),
    'io.modelcontextprotocol/tasks': naughty,
    progressToken: naughty,
  },
  { requiredKeys: [] },
)

export const params = fc.oneof(
  naughty,
  fc.record(
    {
      name: naughty,
      arguments: naughty,
      uri: naughty,
      taskId: naughty,
      inputResponses: naughty,
      requestState: naughty,
      cursor: naughty,
      notifications: naughty,
      _meta: fc.oneof(envelope, naughty),
    },
    { requiredKeys: [] },
  ),
)

export const message = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 5, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: naughty }),
    id: fc.oneof(fc.constantFrom<unknown>(1, 'x', null, 1.5, 1e300, -1), naughty),
    method,
    params,
    result: naughty,
    error: naughty,
  },
  { requiredKeys: ['jsonrpc', 'method'] },
)

/** Latin-1 only: other letters cannot be sent as a header at all. */
const headerValue = fc.oneof(
  fc.constantFrom(
    ...VERSIONS,
    ...METHODS,
    'application/json',
    'text/plain',
    'text/event-stream',
    '*/*',
    '=?base64?eA==?=',
  ),
  fc.string({ unit: fc.constantFrom(...'abc/;=,"\\% 09'.split('')), maxLength: 40 }),
)

export const headers: fc.Arbitrary<Record<string, string>> = fc.record(
  {
    'content-type': fc.oneof({ weight: 4, arbitrary: fc.constant('application/json') }, headerValue),
    accept: fc.oneof(
      { weight: 4, arbitrary: fc.constant('application/json, text/event-stream') },
      headerValue,
    ),
    'mcp-protocol-version': fc.oneof(fc.constantFrom(...VERSIONS), headerValue),
    'mcp-method': headerValue,
    'mcp-name': headerValue,
    'mcp-session-id': headerValue,
    'last-event-id': headerValue,
  },
  { requiredKeys: ['content-type', 'accept'] },
)
