"""Find the tensors in what a pickled file holds: the innermost state dict, whatever is wrapped around it."""

from collections.abc import Iterator, Mapping
from typing import Any

from webui.library.pickles.values import LONGEST_NAME, Broken, Made, Stored, Table

DEEPEST = 16
"""Tables in one another that are gone through for tensors."""
MOST_TENSORS = 200_000
MOST_FACTS = 1000
"""Numbers or texts in one list that counts as a fact."""
WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params", "model", "module", "ema", "weights", "net")
"""Keys below which programs keep the weights beside other things of their training."""
PREFIXES = ("module.", "_orig_mod.")
"""What is before every name when a model was saved inside another one (for several devices, or compiled)."""


def tensors_in(content: object) -> dict[str, Stored]:
    """The tensors by dotted name, without the wrappings around the state dict."""
    for _ in range(DEEPEST):
        table = _table(content)
        inner = next((table[key] for key in WRAPPERS if key in table and _is_wrapped(key, table)), None)
        if inner is None:
            break
        content = inner
    found = dict(_walk(content))
    for prefix in PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def facts_in(content: object) -> dict[str, Any]:
    """What a table says besides tensors: texts, numbers, and lists of them."""
    return {name: value for name, value in _table(content).items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_FACTS and all(isinstance(each, str | int | float | bool) for each in value)
    return value is None or isinstance(value, str | int | float | bool)


def _is_wrapped(key: str, table: Mapping[str, object]) -> bool:
    """Whether the weights are below this key: they always are below `state_dict`, else if nothing beside it is a tensor."""
    inner = _table(table[key])
    return bool(inner) and (key == "state_dict" or not _holds_parts(table, inner))


def _holds_parts(table: Mapping[str, object], inner: Mapping[str, object]) -> bool:
    """Whether `model` and its like are a part's name rather than a wrapping: tensors lie beside it, or what is in it is named so too."""
    return any(isinstance(value, Stored) for value in table.values()) or any(name.startswith("diffusion_model") for name in inner)


def _table(content: object) -> dict[str, object]:
    """What is in a table, an ordered one, or a module (whose parameters are in its state), by text. Looks no deeper than that."""
    pairs = _pairs_of(content)
    if isinstance(content, Made):
        state = {key: value for key, value in _pairs_of(content.state) if isinstance(key, str)}
        pairs = [*pairs, *(pair for part in ("_parameters", "_buffers", "_modules") for pair in _pairs_of(state.get(part)))]
    return {str(key): value for key, value in pairs if isinstance(key, str | int)}


def _pairs_of(content: object) -> list[tuple[object, object]]:
    if isinstance(content, Made):
        return [*_given(content), *content.pairs]
    return content.pairs if isinstance(content, Table) else []


def _given(made: Made) -> Iterator[tuple[object, object]]:
    """The pairs that an ordered dictionary was made of."""
    for each in made.arguments[0] if made.arguments and isinstance(made.arguments[0], list) else ():
        if isinstance(each, list | tuple) and len(each) == 2:
            yield each[0], each[1]


def _walk(content: object) -> Iterator[tuple[str, Stored]]:
    """Tensors with dotted names. Raises `Broken` when tables in one another say more than any weights do."""
    tables: dict[int, dict[str, object]] = {}
    waiting: list[tuple[str, object, int]] = [("", content, 0)]
    left = MOST_TENSORS
    while waiting:
        prefix, current, depth = waiting.pop()
        if id(current) not in tables:
            tables[id(current)] = _table(current)
        for name, value in tables[id(current)].items():
            left -= 1
            if left < 0 or len(prefix) > LONGEST_NAME:
                raise Broken
            if isinstance(value, Stored):
                yield prefix + name, value
            elif depth < DEEPEST and isinstance(value, Table | Made):
                waiting.append((f"{prefix}{name}.", value, depth + 1))
            elif depth == 0 and name.isdecimal() and isinstance(value, tuple):  # a hypernetwork's networks for keys and for values
                waiting += [(f"{prefix}{name}.{place}.", each, 1) for place, each in enumerate(value[:2]) if isinstance(each, Table | Made)]
