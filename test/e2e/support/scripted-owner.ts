// The owner without a browser: signs in and allows or denies, as the two forms would. For clients and suites that print an
// address to open. In a real browser: test/browser.
import { OWN_CONNECTION } from './calls.ts'

export interface Decision {
  decision?: 'allow' | 'deny'
  /** false: only "read" is given. */
  mayAct?: boolean
}

/** Where the browser goes afterwards: the client's redirect address with its code, or its error. */
export async function decide(
  authorizeUrl: string,
  ownerToken: string,
  { decision = 'allow', mayAct = true }: Decision = {},
): Promise<string> {
  const { origin } = new URL(authorizeUrl)
  const cookies: string[] = []
  const ask = async (url: string, fields?: Record<string, string>): Promise<Response> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: cookies.join('; '), origin, ...OWN_CONNECTION },
      ...(fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) }),
    })
    cookies.push(...response.headers.getSetCookie().map((line) => line.split(';')[0] ?? ''))
    return response
  }
  const login = await ask(`${origin}/login`, { secret: ownerToken, next: '/' })
  if (login.status !== 303) throw new Error(`The login answered ${login.status}.`)
  const page = await (await ask(authorizeUrl)).text()
  const handle = /name="handle" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const answer = await ask(`${origin}/authorize`, {
    handle,
    decision,
    ...(mayAct ? { scope: 'write' } : {}),
  })
  const next = /id="continue" href="([^"]+)"/.exec(await answer.text())?.[1]
  if (next === undefined)
    throw new Error(`Consent answered ${answer.status} without a way back. The page before: ${page}`)
  return next.replaceAll('&amp;', '&')
}
