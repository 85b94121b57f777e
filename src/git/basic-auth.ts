// Returns the Authorization header for git hosts. The text becomes UTF-8 first, because btoa throws on anything beyond Latin-1.
export function basicAuth(credential: { user: string; token: string }): string {
  const bytes = new TextEncoder().encode(`${credential.user}:${credential.token}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}
