import { describe, expect, it } from 'vitest'
import { bearerForApi, credentialFor, gitCredentialProblems } from '../../../src/auth/git-credentials.ts'

const LINES = `
# a comment
https://x-access-token:host-token@github.com
https://bot:owner-token@github.com/acme
https://bot:repo-token@github.com/acme/secret
https://:gl@gitlab.com
https://:bb@bitbucket.org
https://:port@git.example:8443
https://me%40corp:p%2Fq%20r%25@git.example/team
http://u:plain@127.0.0.1:9000
`

describe('credentialFor', () => {
  it.each([
    ['https://github.com/other/repo', 'x-access-token', 'host-token'],
    ['https://github.com/acme/app.git', 'bot', 'owner-token'],
    ['https://github.com/acme/secret.git', 'bot', 'repo-token'],
    ['https://github.com/acme/secret/', 'bot', 'repo-token'],
    ['https://GitHub.com:443/acme/secret', 'bot', 'repo-token'],
    ['https://github.com/acme/secrets', 'bot', 'owner-token'],
    ['https://github.com/acmeevil/app', 'x-access-token', 'host-token'],
    ['https://github.com/acme%2Fsecret/x', 'x-access-token', 'host-token'],
    ['https://gitlab.com/a/b', 'oauth2', 'gl'],
    ['https://bitbucket.org/a/b', 'x-token-auth', 'bb'],
    ['https://git.example:8443/a', 'git', 'port'],
    ['https://git.example/team/x', 'me@corp', 'p/q r%'],
  ])('for %s', (url, user, token) => {
    expect(credentialFor(LINES, url)).toEqual({ user, token })
  })

  it.each([
    ['a sub-domain', 'https://evil.github.com/acme/app'],
    ['a host that ends alike', 'https://notgithub.com/acme/app'],
    ['another port', 'https://github.com:444/acme/app'],
    ['the host with no port of a line with one', 'https://git.example/other'],
    ['http', 'http://github.com/acme/app'],
    ['http outside local mode', 'http://127.0.0.1:9000/x'],
    ['no URL', 'github.com/acme'],
    ['a path that cannot be decoded', 'https://github.com/%zz'],
  ])('has none for %s', (_name, url) => {
    expect(credentialFor(LINES, url)).toBeNull()
  })

  it('takes http lines in local mode only', () => {
    expect(credentialFor(LINES, 'http://127.0.0.1:9000/x', { local: true })?.token).toBe('plain')
  })
})

describe('gitCredentialProblems', () => {
  it.each([
    ['not a url SECRET', 'is not a URL'],
    ['http://u:SECRET@host', 'does not begin with https'],
    ['ssh://u:SECRET@host', 'does not begin with https'],
    ['https://SECRET@host', 'has no token'],
    ['https://host', 'has no token'],
    ['https://u:SECRET%zz@host', 'has a %'],
    ['https://u:SECRET@host/?x', 'has a query'],
    ['https://u:SECRET%0a@host', 'has a character'],
    ['https://a%3ab:SECRET@host', 'has a character'],
  ])('names the line of %j and never its value', (line, problem) => {
    const problems = gitCredentialProblems(`https://u:t@ok.example\n\n${line}\r\n`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`line 3 ${problem}`)
    expect(problems[0]).not.toContain('SECRET')
    expect(credentialFor(line, 'https://host/x')).toBeNull()
  })

  it('has nothing to say about good lines', () => {
    expect(gitCredentialProblems(LINES, { local: true })).toEqual([])
  })
})

describe('bearerForApi', () => {
  const remote = 'https://github.com/acme/secret'
  it.each([
    ['its own API', remote, 'https://api.github.com', 'repo-token'],
    ["another host's API", remote, 'https://api.evil.example', null],
    ['an API that only ends alike', remote, 'https://api.notgithub.com', null],
    ['an enterprise API under a path', 'https://git.example/team/x', 'https://git.example/api/v3', 'p/q r%'],
    ['a host without a line', 'https://none.example/a/b', 'https://api.none.example', null],
  ])('gives the token to %s: %s', (_name, gitRemote, githubApiUrl, token) => {
    expect(bearerForApi(LINES, gitRemote, { githubApiUrl, local: false })).toBe(token)
  })

  it('takes another port of the same loopback address in local mode only', () => {
    const local = { githubApiUrl: 'http://127.0.0.1:9001', local: true }
    expect(bearerForApi(LINES, 'http://127.0.0.1:9000/x', local)).toBe('plain')
    expect(bearerForApi(LINES, 'http://127.0.0.1:9000/x', { ...local, local: false })).toBeNull()
  })
})
