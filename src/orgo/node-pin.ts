// The Node a VM gets when it has none of version 22 or newer: the release this project itself runs on. The checksums are those
// of Node's signed SHASUMS256.txt for v24.21.0 (.tar.gz: a bare Ubuntu has gzip, not always xz). Raising the version means
// copying both anew.
//
// They are demanded of the default address only, where they guard against a changed or intercepted archive. Another
// NODE_DIST_URL is set by the owner on the Worker, never by a VM: who names the address of a program trusts it with the program,
// so its own SHASUMS256.txt is believed too and guards against torn downloads (the local stand-in builds its own archive).

export const DEFAULT_NODE_DIST_URL = 'https://nodejs.org/dist'
export const NODE_VERSION = '24.21.0'
export const NODE_SHA256 = {
  x64: '6e1db87ef58b8819e5d5402eff1536491b18edd8eb7bee5ef7897876e88dc5ff',
  arm64: '724282c3b43aec998aa9527380465b45d229e021b58035f5f4f63095eabfe5d5',
}
