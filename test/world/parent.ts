// `npm run dev` and `npm run demo` end with the npm that started them. npm hands SIGINT and SIGTERM on; a hang-up or SIGKILL that
// hits npm alone reaches nothing below it, so that the change of parent is the only sign.
const LOOK_EVERY_MS = 250

/** Calls back once when npm is gone. Started without npm, a program may outlive its parent, as nohup promises. */
export function onParentEnd(stop: () => void): void {
  if (!['dev', 'demo'].includes(process.env['npm_lifecycle_event'] ?? '')) return
  const npm = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === npm) return
    clearInterval(timer)
    stop()
  }, LOOK_EVERY_MS)
  timer.unref()
}
