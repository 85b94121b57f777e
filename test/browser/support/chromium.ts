// The machine's own Chromium, driven by playwright-core. Where there is none, the tests are skipped, counted, and say so.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'

const PLACES = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const executablePath = PLACES.find((place) => place !== '' && existsSync(place))

/** null: it is here. */
export const whyNoBrowser =
  executablePath === undefined
    ? 'There is no Chromium on this machine: install it (apt-get install chromium), or name it in CHROMIUM_PATH.'
    : null
if (whyNoBrowser !== null) console.error(`Browser tests are skipped. ${whyNoBrowser}`)

export async function launchChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(whyNoBrowser ?? '')
  // Chromium does not start as root with its own sandbox, and CI is root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath, args, timeout: 60_000 })
}

/** Whether the page fits a phone's width; with SCREENSHOTS=folder also its picture there, on a desktop and a phone, light and dark. */
export async function fitsPhone(page: Page, name: string): Promise<boolean> {
  const folder = process.env['SCREENSHOTS']
  const before = page.viewportSize() ?? { width: 1_280, height: 800 }
  if (folder !== undefined) await mkdir(folder, { recursive: true })
  const shoot = async (how: string): Promise<void> => {
    if (folder !== undefined)
      await page.screenshot({ path: join(folder, `${name}-${how}.png`), fullPage: true })
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await shoot('desktop-light')
  await page.setViewportSize({ width: 360, height: 740 })
  const fits = (await page.evaluate('document.documentElement.scrollWidth <= innerWidth')) === true
  await shoot('phone-light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot('phone-dark')
  await page.setViewportSize(before)
  await shoot('desktop-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  return fits
}
