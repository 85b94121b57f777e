// Preloaded into deploy and doctor by their tests: *.workers.dev does not exist here, so its requests go to the address in
// WORKERS_DEV_AT instead. The program under test keeps its own code and its own URLs.
const at = process.env['WORKERS_DEV_AT']
const real = globalThis.fetch
globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input)
  if (at === undefined || !url.hostname.endsWith('.workers.dev')) return real(input, init)
  return real(new URL(url.pathname + url.search, at), init)
}
