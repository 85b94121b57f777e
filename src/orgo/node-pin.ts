// The Node version a VM gets when it has none of version 22 or newer: the release this project itself runs on. The checksums come
// from Node's signed SHASUMS256.txt for v24.21.0 (.tar.gz, because a bare Ubuntu has gzip but not always xz). To raise the
// version, copy both again. The checksums are required for the default address only, where they protect against a changed or
// intercepted archive. Another NODE_DIST_URL is set by the owner on the Worker, never by a VM. The owner trusts that address with
// a program, so its own SHASUMS256.txt is trusted too; it protects against torn downloads.

export const DEFAULT_NODE_DIST_URL = 'https://nodejs.org/dist'
export const NODE_VERSION = '24.21.0'
export const NODE_SHA256 = {
  x64: '6e1db87ef58b8819e5d5402eff1536491b18edd8eb7bee5ef7897876e88dc5ff',
  arm64: '724282c3b43aec998aa9527380465b45d229e021b58035f5f4f63095eabfe5d5',
}
