"""The page's scripts joined to two files do what they did as modules, in the order in which a browser would evaluate them."""

import json
import re
import subprocess

import pytest

from tests.js.test_scripts import node
from webui.ui.page import STATIC
from webui.ui.scripts import AWAITED, FIRST, REST, as_function, bundles, without_comments

SCRIPTS = sorted((STATIC / "js").glob("*.js"))
MODULES = {
    "main.js": "import './a.js';\nimport { b, C as D } from './b.js';\n\nexport const state = { said: ['main'] };\n"
    "globalThis.said.push(`main ${b()} ${new D().n}`);\nexport { b };\nexport const later = () => import('./late.js');\n",
    "a.js": "import { b, C } from './b.js';\nglobalThis.said.push(`a ${typeof this}`);\nexport { C };\n",
    "b.js": "import { words } from './language.js';\nglobalThis.said.push('b');\nexport function b() { return words + n; }\n"
    "let n = 1;\nn += 1;  // \u00e9\nexport class C { n = n; }\n",
    "language.js": "export const words = await Promise.resolve('hi');\nglobalThis.said.push('language');\n",
    "late.js": "import { C as K } from './a.js';\nimport { own } from './own.js';\nglobalThis.said.push(`late ${K.name}`);\n"
    "export async function end() { return own; }\n",
    "own.js": "globalThis.said.push('own');\nexport const own = 'own';\n",
}
RUN = (
    "globalThis.said = []; const main = await import(process.argv[1]); const late = await (main.later ? main.need('main.js').later() : 0);"
)


@pytest.fixture
def folder(tmp_path):
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_modules_are_evaluated_once_in_a_browsers_order(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name, made in bundles(folder).items():
        (out / name).write_text(made.code, encoding="utf-8")
    (out / "package.json").write_text('{"type": "module"}')
    (folder / "package.json").write_text('{"type": "module"}')
    joined = said(out / "main.js", "main.need('main.js').later()")
    assert joined == said(folder / "main.js", "main.later()")
    assert joined == ["language", "b", "a undefined", "main hi2 2", "own", "late C", "own", ["C"]]


def said(script, later):
    words = f"""globalThis.said = []; const main = await import({json.dumps(str(script))}); const late = await {later};
        said.push(await late.end(), [(main.need?.('a.js') ?? await import({json.dumps(str(script.with_name("a.js")))})).C.name]);
        console.log(JSON.stringify(said))"""
    done = subprocess.run([node(), "--input-type=module", "-e", words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_second_file_has_only_what_the_first_has_not(folder):
    made = bundles(folder)
    assert list(made[FIRST].sources) == ["main.js", "a.js", "b.js", "language.js"] and list(made[REST].sources) == ["late.js", "own.js"]


@pytest.mark.parametrize(
    "line",
    [
        "export default 1;",
        "import * as all from './a.js';",
        "export * from './a.js';",
        "export { a } from './a.js';",
        "export { a as b };",
        "const a = import(name);",
        "export let a = 1;",
    ],
)
def test_what_cannot_be_joined_is_named(line):
    with pytest.raises(ValueError, match=re.escape(line)):
        as_function(f"{line}\n", "one.js")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_written_so_that_they_can_be_joined(path):
    """An import that is cyclic, or below other code, would be evaluated in another order; an indent in a text would be lost."""
    text = without_comments(path.read_text(encoding="utf-8"))
    assert all(line.count("`") % 2 == 0 for line in text.splitlines())
    statements = [line for line in text.splitlines() if line.strip()]
    imports = [line for line in statements if line.startswith("import ")]
    assert statements[: len(imports)] == imports
    assert path.name not in reached(path.name)


def test_browsers_can_read_them(tmp_path):
    for name, made in bundles(STATIC / "js").items():
        (tmp_path / f"{name}.mjs").write_text(made.code, encoding="utf-8")
        done = subprocess.run([node(), "--check", tmp_path / f"{name}.mjs"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def reached(name):
    found = imported(name)
    for each in found:
        found += [one for one in imported(each) if one not in found]
    return found


def imported(name):
    return re.findall(r"^import .*'\./([\w-]+\.js)';$", (STATIC / "js" / name).read_text(encoding="utf-8"), re.MULTILINE)


def test_all_scripts_are_in_one_of_the_files():
    made = bundles(STATIC / "js")
    both = [*made[FIRST].sources, *made[REST].sources]
    assert sorted(both) == [path.name for path in SCRIPTS] and imported(AWAITED) == []


def test_the_map_leads_to_the_lines_as_they_were_written():
    for made in bundles(STATIC / "js").values():
        told = json.loads(made.map())
        lines, rows = made.code.split("\n"), told["mappings"].split(";")
        seen = 0
        for line, (source, number, column) in zip(lines, places(rows), strict=False):
            if source >= 0:
                written = without_comments(told["sourcesContent"][source]).split("\n")[number]
                seen += 1
                assert written[:column].strip() == "" and (
                    line[:6] == written[column : column + 6] or written.startswith(("import ", "export ")) or line.startswith("return {")
                )
        assert seen > 1000


def places(rows):
    """Where each line is from: (script, line, column), -1 where from none."""
    at = [0, 0, 0]
    for row in rows:
        if not row:
            yield -1, 0, 0
            continue
        numbers = list(decoded(row))
        assert numbers[0] == 0
        at = [old + new for old, new in zip(at, numbers[1:], strict=True)]
        yield tuple(at)


def decoded(row):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    number, shift = 0, 0
    for letter in row:
        part = letters.index(letter)
        number |= (part & 31) << shift
        shift += 5
        if not part & 32:
            yield -(number >> 1) if number & 1 else number >> 1
            number, shift = 0, 0


def test_what_is_a_comment():
    assert without_comments("// a\nlet x = 1;  // b\n/** c\n * d */\n  /** e */\nf();") == "\nlet x = 1;\n\n\n\nf();"
    assert without_comments("/** @type {A} */ let x = 1;\nlet y = '// no';\n") == "let x = 1;\nlet y = '// no';\n"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_only_comments_are_left_out(path):
    whole = path.read_text(encoding="utf-8")
    before, after = whole.split("\n"), without_comments(whole).split("\n")
    assert len(before) == len(after)
    for line, kept in zip(before, after, strict=True):
        left = (
            line.removeprefix(kept).strip()
            if line.startswith(kept)
            else re.sub(r"/\*\* @[^\n]*?\*/ ?", "", line).removeprefix(kept).strip()
        )
        assert left == "" or left.startswith(("//", "/**", "*")), line
