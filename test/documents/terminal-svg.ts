// A recording as a picture that moves: one SVG with CSS, no script, no font and nothing fetched, as a README may embed it. Who asks
// for less motion, or whose viewer plays none, sees the end.
import type { Line, Run } from './recording.ts'

const COLUMNS = 100
const ROWS = 27
const FONT_PX = 14
/** Of the fonts named below, within a hundredth; each run is also placed by its column. */
const COLUMN_PX = 8.43
const ROW_PX = 20
const PAD_PX = 20
const BAR_PX = 40
const TYPING_MS = 1_300
/** A recording is watched, not waited for: longer pauses are cut to this, and lines that come at once are told apart. */
const MAX_PAUSE_MS = 1_100
const MIN_PAUSE_MS = 170
const END_MS = 4_500

interface Shown {
  line: Line
  atMs: number
}

/** The SVG of `command` typed and its lines printed. */
export function terminalSvg(title: string, command: string, lines: Line[]): string {
  const shown = paced(lines)
  const totalMs = (shown.at(-1)?.atMs ?? 0) + END_MS
  const share = (ms: number) => `${((100 * ms) / totalMs).toFixed(2)}%`
  const width = Math.round(COLUMNS * COLUMN_PX + 2 * PAD_PX)
  const height = BAR_PX + ROWS * ROW_PX + 2 * PAD_PX - 8
  const last = shown.length
  // The first rows appear; those below the window come into it as it scrolls.
  const hidden = shown.slice(0, ROWS - 1)
  const scrolls = shown.slice(ROWS - 1).map(({ atMs }, index) => ({ atMs, rows: index + 1 }))
  const endShift = -(scrolls.at(-1)?.rows ?? 0) * ROW_PX
  const keys = (name: string, frames: string[]) => `@keyframes ${name}{${frames.join('')}}`
  const appear = hidden.map(({ atMs }, index) => {
    const at = share(atMs)
    return keys(`l${index}`, [`0%,${at}{opacity:0}`, `${nudge(at)},100%{opacity:1}`])
  })
  const scroll = keys('s', [
    `0%,${share(scrolls[0]?.atMs ?? totalMs)}{transform:translateY(0)}`,
    ...scrolls.map(({ atMs, rows }, index) => {
      const until = share(scrolls[index + 1]?.atMs ?? totalMs)
      return `${nudge(share(atMs))},${until}{transform:translateY(${-rows * ROW_PX}px)}`
    }),
  ])
  const typed = command.length
  const css = `
.t{font:${FONT_PX}px ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:#c9d1d9;white-space:pre}
.b{font-weight:700;fill:#f0f6fc}.d{fill:#8b949e}.g{fill:#56d364}.c{fill:#79c0ff}.r{fill:#ff7b72}.p{fill:#d2a8ff;font-weight:700}
.k{animation:k 1.1s steps(1) infinite}@keyframes k{50%{opacity:0}}
.s,.l,.y,.e{animation:${(totalMs / 1_000).toFixed(1)}s linear infinite both}
.s{transform:translateY(${endShift}px);animation-name:s}.y{animation-name:y}.e{animation-name:e}
${hidden.map((_, index) => `.l${index}{animation-name:l${index}}`).join('')}
${appear.join('\n')}
${scroll}
${keys('y', [`0%{transform:translateX(-${typed * COLUMN_PX}px);animation-timing-function:steps(${typed})}`, `${share(TYPING_MS)},100%{transform:none}`])}
${keys('e', [`0%{opacity:0}`, `1.5%,98.5%{opacity:1}`, `100%{opacity:0}`])}
@media (prefers-reduced-motion:reduce){.s,.l,.y,.e,.k{animation:none}}`
  const body = shown.map(({ line }, index) => {
    const group = index < hidden.length ? ` class="l l${index}"` : ''
    return `<g${group}>${text(line.runs, rowY(index + 1))}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<title>${escaped(title)}</title>
<style>${css}
</style>
<clipPath id="w"><rect x="0" y="${rowY(0) - 14}" width="${width}" height="${(ROWS - 1) * ROW_PX + 20}"/></clipPath>
<clipPath id="q"><rect x="${PAD_PX + 2 * COLUMN_PX}" y="0" width="${width}" height="${height}"/></clipPath>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="11" fill="#0d1117" stroke="#30363d"/>
<path d="M.5 ${BAR_PX}V11.5a11 11 0 0 1 11-11H${width - 11.5}a11 11 0 0 1 11 11V${BAR_PX}z" fill="#161b22" stroke="#30363d"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
<text class="t d" x="${width / 2}" y="25" text-anchor="middle">${escaped(title)}</text>
<g clip-path="url(#w)"><g class="e"><g class="s">
<text class="t" y="${rowY(0)}"><tspan class="p" x="${PAD_PX}">$</tspan></text>
<g clip-path="url(#q)"><g class="y"><text class="t" y="${rowY(0)}"><tspan class="b" x="${PAD_PX + 2 * COLUMN_PX}" textLength="${(typed * COLUMN_PX).toFixed(1)}" lengthAdjust="spacingAndGlyphs">${escaped(command)}</tspan></text></g></g>
${body.join('\n')}
<g class="l l${last}"><rect class="k" x="${PAD_PX}" y="${rowY(last + 1) - 13}" width="8.4" height="17" fill="#c9d1d9"/></g>
</g></g></g>
</svg>
`
}

const rowY = (row: number): number => BAR_PX + PAD_PX + 8 + row * ROW_PX

/** The instant after: what is between two frames would be blended. */
const nudge = (share: string): string => `${(Number.parseFloat(share) + 0.01).toFixed(2)}%`

function paced(lines: Line[]): Shown[] {
  let atMs = TYPING_MS
  let before = 0
  return lines.map((line) => {
    // Lines of one picture, such as a diff, come together.
    const pause = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, line.atMs - before))
    atMs += line.runs[0]?.text.startsWith('        ') === true ? 60 : pause
    before = line.atMs
    return { line, atMs }
  })
}

function text(runs: Run[], y: number): string {
  let column = 0
  const spans: string[] = []
  for (const run of runs) {
    const room = COLUMNS - column
    if (room <= 0) break
    const fits = run.text.length <= room ? run.text : `${run.text.slice(0, room - 1)}…`
    const lead = fits.length - fits.trimStart().length
    const visible = fits.trim()
    if (visible !== '') {
      const x = (PAD_PX + (column + lead) * COLUMN_PX).toFixed(1)
      const styles = [run.isBold ? 'b' : '', run.isDim ? 'd' : '', COLOUR_CLASS[run.colour]].filter(Boolean)
      const cls = styles.length === 0 ? '' : ` class="${styles.join(' ')}"`
      const exact =
        visible.length < 6
          ? ''
          : ` textLength="${(visible.length * COLUMN_PX).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`
      spans.push(`<tspan x="${x}"${cls}${exact}>${escaped(visible)}</tspan>`)
    }
    column += fits.length
  }
  return spans.length === 0 ? '' : `<text class="t" y="${y}">${spans.join('')}</text>`
}

const COLOUR_CLASS: Record<Run['colour'], string> = { plain: '', green: 'g', cyan: 'c', red: 'r' }

const escaped = (plain: string): string =>
  plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
