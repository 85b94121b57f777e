// The texts of files that every Python process of a check finds first on its path (PYTHONPATH). They listen to pytest and unittest.
// They change no output and swallow their own errors, so that they cannot make a check fail.
import { ABOVE, TAKEN } from './node-hook.ts'

const PLUGIN = 'ralph_results_pytest'

/** Returns file names below the folder for PYTHONPATH, with their texts. Their processes write into `folder`. */
export const pythonHook = (folder: string, checkout: string): Record<string, string> => ({
  'sitecustomize.py': fill(SITE, folder, checkout),
  [`${PLUGIN}.py`]: fill(PYTEST, folder, checkout),
  // pytest loads a plugin by its entry point when it finds one. Naming it with -p would be an error where the path is not passed on.
  [`${PLUGIN}-1.dist-info/entry_points.txt`]: `[pytest11]\n${PLUGIN} = ${PLUGIN}\n`,
  [`${PLUGIN}-1.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${PLUGIN}\nVersion: 1\n`,
})

const fill = (text: string, folder: string, checkout: string): string =>
  text
    .replace('"FOLDER"', () => JSON.stringify(folder))
    .replaceAll('"CHECKOUT"', () => JSON.stringify(checkout))
    .replaceAll('TAKEN_NAME', TAKEN)
    .replaceAll('ABOVE_NAME', ABOVE)

const TELL = String.raw`
import json, os, sys, time
_stamp = os.path.join("FOLDER", "%s%d-%d" % (os.environ.get("ABOVE_NAME", ""), int(time.time() * 1000), os.getpid()))
_lines = [0]

def tell(runner, state, names):
    try:
        _lines[0] += 1
        if _lines[0] > 25000:
            return
        with open(_stamp + ".jsonl", "a") as out:
            out.write(json.dumps([runner, state, names]) + "\n")
    except Exception:
        pass
`

const SITE = String.raw`
import os, sys
_here = os.path.dirname(os.path.abspath(__file__))

def _chain():
    # The machine may have a file of the same name, which we must not hide.
    path, own = sys.path[:], sys.modules.pop("sitecustomize", None)
    sys.path[:] = [p for p in path if os.path.abspath(p or ".") != _here]
    try:
        import sitecustomize
    except ImportError:
        if own is not None:
            sys.modules["sitecustomize"] = own
    finally:
        sys.path[:] = path

def _listen():
    if os.environ.get("TAKEN_NAME") or sys.version_info < (3, 6):
        return
    import importlib.abc, importlib.machinery

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name != "unittest.result":
                return None
            sys.meta_path.remove(self)
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is None or spec.loader is None:
                return spec
            execute = spec.loader.exec_module
            def exec_module(module):
                execute(module)
                try:
                    _hook(module.TestResult)
                except Exception:
                    pass
            spec.loader.exec_module = exec_module
            return spec

    sys.meta_path.insert(0, Finder())

def _hook(Result):
    ${TELL.trim().replaceAll('\n', '\n    ')}
    mine = "unittest:%d" % os.getpid()

    def name(test):
        text = test.id()
        script = os.path.relpath(os.path.abspath(sys.argv[0]), "CHECKOUT")
        return text.replace("__main__", script, 1) if text.startswith("__main__.") else text

    def wrap(method, state, subject=0):
        original = getattr(Result, method, None)
        if original is None:
            return
        def wrapped(self, *args, **kwargs):
            try:
                if os.environ.get("TAKEN_NAME") == mine:
                    record(self, args[subject], state, args)
            except Exception:
                pass
            return original(self, *args, **kwargs)
        setattr(Result, method, wrapped)

    def record(result, test, state, args):
        failed = result.__dict__.setdefault("_ralph_failed", set())
        if state == "sub":
            if args[2] is None:
                return
            state = "failed"
        if id(test) in failed:
            return
        if state == "failed":
            failed.add(id(test))
        tell("unittest", state, [name(test)])

    start = Result.startTestRun
    def started(self):
        if not os.environ.get("TAKEN_NAME"):
            os.environ["TAKEN_NAME"] = mine
        return start(self)
    Result.startTestRun = started
    for method, state in [("addSuccess", "passed"), ("addError", "failed"), ("addFailure", "failed"), ("addSkip", "skipped"),
                          ("addExpectedFailure", "skipped"), ("addUnexpectedSuccess", "failed"), ("addSubTest", "sub")]:
        wrap(method, state)

try:
    _listen()
except Exception:
    pass
_chain()
`

const PYTEST = String.raw`
${TELL}
_states = {}
_active = [""]
_prefix = [""]

def pytest_configure(config):
    try:
        # The list of plugins in pytest's first lines stays the person's own.
        known = config.pluginmanager._plugin_distinfo
        known[:] = [one for one in known if getattr(one[1], "project_name", "") != "ralph_results_pytest"
                    and "ralph_results_pytest" not in str(getattr(one[0], "__name__", ""))]
    except Exception:
        pass
    try:
        if os.environ.get("TAKEN_NAME") or hasattr(config, "workerinput"):
            return
        os.environ["TAKEN_NAME"] = _active[0] = "pytest:%d" % os.getpid()
        root = os.path.relpath(str(config.rootdir), "CHECKOUT")
        _prefix[0] = "" if root == "." else root + "/"
    except Exception:
        pass

def _path(nodeid):
    parts = nodeid.split("[", 1)
    names = parts[0].split("::")
    names[-1] += "".join("[" + rest for rest in parts[1:])
    return [_prefix[0] + names[0]] + names[1:]

def _is_on():
    return _active[0] and os.environ.get("TAKEN_NAME") == _active[0]

def pytest_runtest_logreport(report):
    try:
        if not _is_on():
            return
        known = _states.get(report.nodeid)
        if report.outcome == "failed":
            known = "failed"
        elif report.outcome == "skipped" and known != "failed":
            known = "skipped"
        elif report.outcome == "passed" and report.when == "call" and known is None:
            known = "passed"
        _states[report.nodeid] = known
        if report.when == "teardown":
            state = _states.pop(report.nodeid)
            if state:
                tell("pytest", state, _path(report.nodeid))
    except Exception:
        pass

def pytest_collectreport(report):
    try:
        if _is_on() and report.failed:
            tell("pytest", "failed", _path(report.nodeid))
        elif _is_on() and report.skipped and report.nodeid:
            tell("pytest", "skipped", _path(report.nodeid))
    except Exception:
        pass
`
