// Reads what our pages take from browsers: small forms sent from our own pages, and addresses of our own to go to next.
import { readCapped } from '../lib/http.ts'
import { AUTHORIZE_PATH } from '../auth/oauth.ts'
import { notice } from './page.ts'
import { isFromOurPage } from './session-cookie.ts'

const MAX_FORM_BYTES = 64_000

/** Returns the fields, or the page that refuses: the form was sent from elsewhere, is too long, or has another type. */
export async function readForm(request: Request): Promise<FormData | Response> {
  if (!isFromOurPage(request))
    return notice(
      'This form came from elsewhere',
      'It was not sent from a page of this runtime. Nothing was done.',
      403,
    )
  const body = await readCapped(request.body, MAX_FORM_BYTES)
  if (body === null)
    return notice('This form is too long', `A form has at most ${MAX_FORM_BYTES} bytes.`, 413)
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? ''))
    return notice('This is not a form', 'Fields come as application/x-www-form-urlencoded.', 415)
  const form = new FormData()
  for (const [name, value] of new URLSearchParams(new TextDecoder().decode(body))) form.append(name, value)
  return form
}

/** Returns "" when the field is absent. */
export function fieldOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}

/** Returns the address to go to after signing in: the consent page or the start page, never another one. */
export function insideOnly(next: string | undefined): string {
  const [base, wanted] = ['https://inside.invalid', next ?? '/']
  if (!URL.canParse(wanted, base)) return '/'
  const url = new URL(wanted, base)
  return url.origin === base && url.pathname === AUTHORIZE_PATH ? `${url.pathname}${url.search}` : '/'
}
