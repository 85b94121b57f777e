// Sends requests for *.workers.dev, which does not exist here, to the address in WORKERS_DEV_AT. The tests of deploy and doctor
// preload this file, so the program under test keeps its own code and URLs.
const at = process.env['WORKERS_DEV_AT']
const real = globalThis.fetch
globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input)
  if (at === undefined || !url.hostname.endsWith('.workers.dev')) return real(input, init)
  return real(new URL(url.pathname + url.search, at), init)
}
