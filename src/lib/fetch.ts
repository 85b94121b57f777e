// Every outgoing call goes through here: a timeout, an encoded path, no redirects followed. A credentialed fetch that followed a
// redirect would carry x-api-key (and, at older compatibility dates, Authorization) to another host (measured).
import { UpstreamError } from './errors.ts'

/**
 * Makes each interpolated value exactly one path segment. `.` and `..` are refused, because URL parsing would climb up with them.
 */
export function path(strings: TemplateStringsArray, ...values: string[]): string {
  return strings.reduce((joined, part, index) => {
    const value = values[index - 1] ?? ''
    if (value === '' || value === '.' || value === '..')
      throw new UpstreamError('permanent', 'bad_path', `"${value}" cannot be part of a path.`)
    return `${joined}${encodeURIComponent(value)}${part}`
  })
}

/** fetch with a deadline and `redirect: manual`. A network failure throws a transient UpstreamError that names `what`. */
export async function fetchUpstream(
  what: string,
  url: string,
  timeoutMs: number,
  init: RequestInit = {},
): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    throw new UpstreamError('transient', 'unreachable', `${what} could not be reached.`, error)
  }
}
