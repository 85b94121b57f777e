// What is taken as an argument and what is refused, as tables. Every refusal is read for what it must not repeat.
import { describe, expect, it } from 'vitest'
import { branchProblem, normalRemote, remoteProblem } from '../../../src/lib/git-names.ts'
import { secretShape } from '../../../src/shared/secrets.ts'
import { cleanLine, cleanText } from '../../../src/lib/text.ts'

const HIDDEN = 'R8s3kQ2vT9xZ4mN7pL1wY6bC0dF5gH2jK4aE'

describe('secret shapes', () => {
  it.each([
    ['a classic GitHub token', `ghp_${HIDDEN}`],
    ['a GitHub OAuth token', `gho_${HIDDEN}`],
    ['a GitHub user-to-server token', `ghu_${HIDDEN}`],
    ['a GitHub server token', `ghs_${HIDDEN}`],
    ['a GitHub refresh token', `ghr_${HIDDEN}`],
    ['a fine-grained GitHub token', `github_pat_11ABCDEFG0_${HIDDEN}`],
    ['a GitLab token', 'glpat-abcDEF123456_7890-xy'],
    ['a GitLab trigger token', 'glptt-0123456789abcdef0123'],
    ['a Bitbucket token', 'ATBBabcdefghijklmnopqrstuvwx'],
    ['an Atlassian token', `ATATT3xFfGF0${HIDDEN}`],
    ['an Anthropic key', `sk-ant-api03-${HIDDEN}`],
    ['an Orgo key', `sk_live_${HIDDEN}`],
    ['a Slack token', 'xoxb-123456789012-abcdefghij'],
    ['an AWS key', 'AKIAQ3EGRFVB7JQW2L5M'],
    ['a private key', `-----BEGIN OPENSSH PRIVATE KEY-----\n${HIDDEN}${HIDDEN}`],
    ['a Google API key', `AIza${HIDDEN.slice(0, 35)}`],
    ['an OpenAI key', `sk-proj-${HIDDEN}${HIDDEN}`],
    ['a SendGrid key', `SG.${HIDDEN.slice(0, 22)}.${HIDDEN}0123456`],
    ['a token in a URL', `https://x-access-token:${HIDDEN}@git.example.com/o/r.git`],
    ['an Azure DevOps token', `${'a1B2'.repeat(19)}AZDO3xYz`],
    ['a token in the middle of a text', `please use "ghp_${HIDDEN}" for the push`],
  ])('finds %s', (_what, text) => {
    expect(secretShape(text)).not.toBeNull()
  })

  it.each([
    ['a commit hash', '9fceb02d0ae598e95dc970b74767f19372d61af8'],
    ['talk about tokens', 'Tokens begin with ghp_ or github_pat_; refuse them, like glpat-xxxx.'],
    ['an example URL', 'Parse https://user:password@example.com/path and postgres://app:app@localhost/db.'],
    ['an address', 'https://github.com:443/owner/repository@v1'],
    ['a variable name', 'set sk_live_mode and AKIAS'],
    ['talk about private keys', 'Refuse what holds -----BEGIN RSA PRIVATE KEY----- in a comment.'],
    ['a word that ends like a prefix', 'baghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'],
  ])('leaves %s alone', (_what, text) => {
    expect(secretShape(text)).toBeNull()
  })

  it('are looked for in 100,000 characters made to be slow in two seconds of processor time', () => {
    const started = process.cpuUsage()
    for (const part of ['https://a:', 'gh', 'AKIA', '-----BEGIN A', 'a'.repeat(69)])
      secretShape(part.repeat(Math.ceil(100_000 / part.length)).slice(0, 100_000))
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
  })
})

describe('branch names', () => {
  it.each(['main', 'release/1.2', 'a_b-c.d', 'agent/0f', 'x'.repeat(200)])('takes %s', (name) => {
    expect(branchProblem(name)).toBeNull()
  })

  it.each([
    '',
    '-x',
    'a/-x',
    'a..b',
    '../x',
    'a//b',
    '/a',
    'a/',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[b',
    'a\\b',
    'a@{0}',
    '$(id)',
    "a'b",
    'a"b',
    'a`b',
    'a;b',
    'a|b',
    'a&b',
    'a\nb',
    'ä',
    '\u202emain',
    '.hidden',
    'a/.b',
    'a.lock',
    'a.lock/b',
    'a.',
    'HEAD',
    'x'.repeat(201),
  ])('refuses %j', (name) => {
    expect(branchProblem(name)).toEqual(expect.any(String))
  })
})

describe('git remotes', () => {
  const deployed = { local: false, ownUrls: ['https://runtime.example.com'] }
  const local = { local: true, ownUrls: ['http://127.0.0.1:8787'] }

  it.each([
    'https://github.com/owner/repository',
    'https://github.com/owner/repository.git',
    'https://gitlab.example.co.uk:8443/group/sub/project.git',
    'https://github.com/owner/.github',
    'https://github.com/owner/repository/',
  ])('takes %s', (remote) => {
    expect(remoteProblem(remote, deployed)).toBeNull()
  })

  it.each([
    ['ssh', 'git@github.com:owner/repository.git'],
    ['an ssh URL', 'ssh://git@github.com/owner/repository.git'],
    ['http', 'http://github.com/owner/repository'],
    ['a file', 'file:///etc/passwd'],
    ['git transport helpers', 'ext::sh -c id'],
    ['userinfo', `https://user:${HIDDEN}@github.com/owner/repository`],
    ['a user name', `https://${HIDDEN}@github.com/owner/repository`],
    ['a query', 'https://github.com/owner/repository?x=1'],
    ['an empty query', 'https://github.com/owner/repository?'],
    ['a fragment', 'https://github.com/owner/repository#x'],
    ['no path', 'https://github.com'],
    ['no path but a slash', 'https://github.com/'],
    ['climbing', 'https://github.com/owner/../other/repository'],
    ['a dot', 'https://github.com/owner/./repository'],
    ['an encoded slash', 'https://github.com/owner%2frepository'],
    ['an option', 'https://github.com/owner/--upload-pack=id'],
    ['a line feed that URL parsing drops', 'https://github.com/owner/repo\nsitory'],
    ['backslashes that URL parsing turns', 'https:\\\\github.com\\owner\\repository'],
    ['spaces around', ' https://github.com/owner/repository '],
    ['an empty part', 'https://github.com//owner/repository'],
    ['an IP address', 'https://192.0.2.7/owner/repository'],
    ['an IP address in one number', 'https://3221225991/owner/repository'],
    ['an IPv6 address', 'https://[2001:db8::1]/owner/repository'],
    ['loopback', 'https://127.0.0.1/owner/repository'],
    ['localhost', 'https://localhost/owner/repository'],
    ['a name under localhost', 'https://git.localhost/owner/repository'],
    ['a cloud metadata host', 'https://metadata.google.internal/owner/repository'],
    ['a bare host name', 'https://intranet/owner/repository'],
    ['a trailing dot', 'https://github.com./owner/repository'],
    ['the Worker itself', 'https://runtime.example.com/vm/git/a.git'],
    ['a long one', `https://github.com/owner/${'x'.repeat(500)}`],
    ['nothing', ''],
  ])('refuses %s without repeating the value', (_what, remote) => {
    const problem = remoteProblem(remote, deployed)
    expect(problem).toEqual(expect.any(String))
    expect(problem).not.toContain(HIDDEN)
  })

  it.each([
    ['https://github.com/owner/repository/tree/main', 'https://github.com/owner/repository'],
    ['https://github.com/owner/repository/pull/3', 'https://github.com/owner/repository'],
    ['https://github.com/owner/repository/pull/3/', 'https://github.com/owner/repository'],
    ['https://github.com/owner/repository/blob/main/src/-x/a b.ts', 'https://github.com/owner/repository'],
    ['https://github.com/owner/repository/anything', 'https://github.com/owner/repository'],
    ['https://gitlab.com/group/sub/project/-/merge_requests/1', 'https://gitlab.com/group/sub/project'],
    ['https://gitlab.com/group/project/-/tree/main', 'https://gitlab.com/group/project'],
    ['https://codeberg.org/owner/repository/src/branch/main', 'https://codeberg.org/owner/repository'],
    ['https://codeberg.org/owner/repository/pulls/3', 'https://codeberg.org/owner/repository'],
    ['https://bitbucket.org/owner/repository/pull-requests/3', 'https://bitbucket.org/owner/repository'],
  ])('refuses the page %s and names the address of its repository', (remote, right) => {
    expect(remoteProblem(remote, deployed)).toContain(
      `is the address of a page, not of a repository: use ${right} (`,
    )
    expect(remoteProblem(right, deployed)).toBeNull()
  })

  it('says of a query or a fragment what it is', () => {
    for (const tail of ['?x=1', '?', '#x'])
      expect(remoteProblem(`https://github.com/owner/repository${tail}`, deployed)).toContain(
        'query or a fragment',
      )
  })

  it('takes http and loopback in local mode, but never the Worker itself', () => {
    expect(remoteProblem('http://127.0.0.1:8789/sample.git', local)).toBeNull()
    expect(remoteProblem('http://localhost:8789/sample.git', local)).toBeNull()
    expect(remoteProblem('http://127.0.0.1:8787/vm/git/a.git', local)).toContain('Worker itself')
    expect(remoteProblem('ftp://127.0.0.1/sample.git', local)).toEqual(expect.any(String))
  })

  it('has one spelling for one remote', () => {
    expect(normalRemote('HTTPS://GitHub.com:443/Owner/Repo.git/')).toBe('https://github.com/Owner/Repo.git')
  })
})

describe('text from strangers', () => {
  it('loses control, bidi, zero-width and tag characters, and keeps letters of every script', () => {
    const hostile = 'a\u0000b\u001b[31mc\u202Ed\u2066e\u200Bf\uFEFFg\u{E0041}h\u{E0101}i\u00ADj\u007Fk'
    expect(cleanLine(hostile, 100)).toBe('ab[31mcdefghijk')
    expect(cleanText(hostile, 100)).toBe('ab[31mcdefghijk')
    expect(cleanLine('Grüße 你好 🙂 مرحبا', 100)).toBe('Grüße 你好 🙂 مرحبا')
  })

  it('keeps line feeds only where lines are meant, whatever ended them', () => {
    expect(cleanText('a\r\nb\u2028c\rd\te', 100)).toBe('a\nb\nc\nd  e')
    expect(cleanLine('a\r\nb\u2028c\rd\te', 100)).toBe('a b c d e')
  })

  it('is capped in UTF-16 units and never cut inside a character', () => {
    expect(cleanLine('x'.repeat(50), 10)).toBe('xxxxxxxxx…')
    expect(cleanLine('🙂'.repeat(10), 10)).toBe('🙂🙂🙂🙂…')
    expect(cleanLine('\ud83d', 10)).toBe('\ufffd')
    expect(cleanLine(`${'\u200b'.repeat(1_000)}x`, 10)).toBe('…')
  })
})
