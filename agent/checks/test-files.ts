// Tells by its path what a file is to a check: a test, a setting of a test runner, a script of a check, a manifest, something that is
// installed and never committed. Pure. The proof puts such files back as they were at the base.

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

const CODE = words(
  'js ts jsx tsx mjs cjs mts cts py rb go rs java kt kts cs swift scala php c cc cpp cxx h hpp m mm lua pl pm r jl sh bash zsh fish ex exs erl clj hs ml dart zig nim tcl ps1 vue svelte',
)
const TEST_FOLDERS = words(
  'test tests __tests__ e2e testdata test-data fixtures __fixtures__ __snapshots__ __mocks__ golden goldens testthat unittests integration-tests',
)
/** Folders that hold tests only where the file is code, because the words have other meanings too. */
const SPEC_FOLDERS = words('spec specs cypress')
const TEST_EXTENSIONS = words('t bats snap feature golden approved')
const TEST_WORDS = words('test tests spec specs unittest e2e cy')
/** Languages that name test classes in one word with their subject, such as CartTest.java. */
const CLASS_NAMES =
  /^(?:Test[A-Z]\w*|\w*[a-z\d](?:Tests?|Spec|TestCase))\.(?:java|kt|cs|swift|scala|php|groovy|cpp|cc|hs|m)$/

/** True for a file that a test runner takes for a test by its own convention, and for the data that tests compare with. */
export function isTestFile(path: string): boolean {
  const folders = path.toLowerCase().split('/')
  const file = nameOf(path)
  const name = folders.pop() ?? ''
  const parts = name.split('.')
  const [stem = '', extension = ''] = [parts[0], parts.length > 1 ? parts.at(-1) : '']
  if (folders.some((folder) => TEST_FOLDERS.has(folder))) return true
  if (CODE.has(extension) && folders.some((folder) => SPEC_FOLDERS.has(folder))) return true
  if (TEST_EXTENSIONS.has(extension) || name === 'conftest.py' || name === 'runtests.jl') return true
  if (CODE.has(extension) && TEST_WORDS.has(stem)) return true
  if (/^test[_-]./.test(name) || CLASS_NAMES.test(file)) return true
  // cart.test.ts, cart-test.js, cart_test.go, network.tftest.hcl
  const inner = parts.slice(0, -1).join('.').split(/[._-]/)
  return inner.length > 1 && (TEST_WORDS.has(inner.at(-1) ?? '') || inner.at(-1) === 'tftest')
}

/** Names whose settings files end in .config.ts, .workspace.ts, .setup.ts or .conf.js. */
const CONFIGURED = words(
  'vitest vite jest ava karma playwright cypress babel wdio eslint web-test-runner wtr testcafe nightwatch protractor codecept tap mocha',
)
const SETTING_PREFIXES =
  '.mocharc .npmrc .yarnrc .nycrc .c8rc .taprc .babelrc .eslintrc .oxlintrc .prettierrc .stylelintrc .golangci .rspec .busted .luacheckrc .perlcriticrc .proverc .pre-commit-config biome.json rust-toolchain phpunit.xml'.split(
    ' ',
  )
const SETTING_NAMES = words(`
  .pnpmfile.cjs pnpm-workspace.yaml lerna.json nx.json turbo.json bunfig.toml deno.json deno.jsonc jasmine.json .swcrc
  pytest.ini pytest.toml .pytest.ini .pytest.toml tox.ini noxfile.py tasks.py .coveragerc ruff.toml .ruff.toml mypy.ini .mypy.ini
  pyrightconfig.json .flake8 .pylintrc sitecustomize.py usercustomize.py
  gnumakefile makefile justfile .justfile taskfile.yml taskfile.yaml rakefile gulpfile.js gruntfile.js
  clippy.toml .clippy.toml nextest.toml go.work ctestcustom.cmake ctestconfig.cmake
`)
const SETTING_FOLDERS = words('.cargo .ralph .config')

/** True for a file that decides which tests run, or how. Manifests also hold other things: isManifest. */
export function isRunnerSetting(path: string): boolean {
  const folders = path.split('/').slice(0, -1)
  const name = nameOf(path).toLowerCase()
  if (SETTING_NAMES.has(name) || SETTING_PREFIXES.some((prefix) => name.startsWith(prefix))) return true
  if (folders.some((folder) => SETTING_FOLDERS.has(folder))) return true
  if (/^tsconfig[\w.-]*\.json$|\.(?:mk|pth)$|^\.env(?:\.\w+)?$/.test(name)) return true
  if (/^(?:(?:jest|vitest|test)[.-]?setup|setup-?tests)\.\w+$/.test(name)) return true
  const [tool = '', ...rest] = name.split('.')
  return CONFIGURED.has(tool) && rest.some((part) => /^(?:config|workspace|projects|setup|conf)$/.test(part))
}

const MANIFESTS = words('package.json pyproject.toml setup.cfg Cargo.toml')

/** True for a file that holds settings of runners beside the project's dependencies. The proof merges it. */
export const isManifest = (path: string): boolean => MANIFESTS.has(nameOf(path))

const CHECK_WORD =
  /^(?:checks?|tests?|verif\w*|validat\w*|lint\w*|specs?|assert\w*|grade\w*|ci|run|runner|smoke|expect\w*|golden|suite|selftest|harness|compare)$/i
const CHECK_FOLDERS = words('scripts script tools hack ci .ci .github build-aux')
const SOURCE_FOLDERS = words('src lib app pkg internal cmd')

/** True for a script that is part of a check when a check names it, and no source of the work: scripts/verify.js, run_all.py, x.sh. */
export function isCheckScript(path: string): boolean {
  const folders = path.split('/').slice(0, -1)
  const telling = folders.find((folder) => SOURCE_FOLDERS.has(folder) || CHECK_FOLDERS.has(folder))
  if (telling !== undefined) return CHECK_FOLDERS.has(telling)
  if (/\.(?:sh|bash|mk)$/.test(path)) return true
  return path.split(/[/._-]/).some((word) => CHECK_WORD.test(word))
}

/** True for code that is neither a test nor a setting by its path. */
export function isProgram(path: string): boolean {
  const [, extension] = /[^.]\.(\w+)$/.exec(nameOf(path)) ?? []
  return !isTestFile(path) && !isRunnerSetting(path) && (extension === undefined || CODE.has(extension))
}

/** Folders that are installed and never committed. A test runner or plugin inside one would come from the plan itself. */
export const isInstalled = (path: string): boolean =>
  path
    .split('/')
    .some((part) =>
      /^(?:node_modules|\.venv|venv|site-packages|__pycache__|\.pnp\.[cm]?js|.+\.(?:dist|egg)-info)$/.test(
        part,
      ),
    )

const PYTHON_MODULES = words(`
  pytest _pytest pluggy iniconfig coverage xdist yaml nose
  abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 cProfile
  calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib
  contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email
  encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath
  getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib imghdr imp importlib inspect io
  ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap
  modulefinder msilib multiprocessing netrc nis nntplib numbers opcode operator optparse os ossaudiodev pathlib pdb pickle
  pickletools pipes pkgutil platform plistlib poplib pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data
  pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex
  shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat
  statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile
  termios textwrap threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty types typing
  unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser wsgiref xdrlib xml xmlrpc zipapp zipfile
  zipimport zlib zoneinfo
`)

/** True for a module that Python would import in place of one of the standard library or of the test runner: it looks beside a script first. */
export function isShadow(path: string): boolean {
  const name =
    /^(?:(?:src|tests?|lib|python|scripts?|tools|hack|ci|checks?)\/)?(\w+)(?:\.py|\/__init__\.py)$/.exec(
      path,
    )?.[1]
  return name !== undefined && PYTHON_MODULES.has(name)
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
