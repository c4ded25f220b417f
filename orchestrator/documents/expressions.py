"""The small expression language of templates: a sandboxed Jinja2 cut down to reading values.

Only expressions between ``{{`` and ``}}`` are taken, and of those only what cannot run away: names, dots and
brackets, constants, comparisons, ``if``/``else``, ``+ - / %`` and ``*`` on numbers, ``~``, and a few filters. No
statements, no calls, no powers, and no Python attributes: a dot looks into data and nowhere else. Without loops,
calls and repetition, the size of a result is bounded by the sizes of the values put in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.environment import TemplateExpression
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from orchestrator.documents.filters import FILTERS, MAX_RESULT, gathered, kind_of, missing, plain, written
from orchestrator.documents.template_marks import NotTaken

MAX_TEMPLATE = 16 * 1024
MAX_NUMBER = 2**63

TESTS = frozenset({"defined", "undefined", "none", "in", "eq", "ne", "lt", "le", "gt", "ge", "true", "false"})
"""What may stand behind ``is``."""

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat,
    nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
)  # fmt: skip


class _Environment(ImmutableSandboxedEnvironment):
    """Data only: dots and brackets look into mappings and lists, operators take numbers (``+`` also texts)."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            missing(obj)
        if isinstance(obj, Mapping):
            if isinstance(argument, str) and argument in obj:
                return obj[argument]
        elif isinstance(obj, list | tuple):
            index = int(argument) if isinstance(argument, str) and argument.isdigit() else argument
            if isinstance(index, int) and not isinstance(index, bool) and -len(obj) <= index < len(obj):
                return obj[index]
        known = f"; there are: {', '.join(sorted(map(str, obj))[:20])}" if isinstance(obj, Mapping) and obj else ""
        return self.undefined(f"there is no {argument!r} in {kind_of(obj)}{known}")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        return False

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        for value in (left, right):
            if isinstance(value, Undefined):
                missing(value)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return gathered((left, right))
        _need_numbers(operator, left, right)
        try:
            result = super().call_binop(context, operator, left, right)
        except (ZeroDivisionError, OverflowError) as error:
            raise NotTaken(f"{left} {operator} {right}: {error}", "mend the calculation") from error
        if abs(result) > MAX_NUMBER:
            raise NotTaken(f"the result of {operator} is too large a number", "keep numbers below 2**63")
        return result

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        if isinstance(arg, Undefined):
            missing(arg)
        _need_numbers(operator, arg)
        return super().call_unop(context, operator, arg)


def _need_numbers(operator: str, *values: Any) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotTaken(f"{operator} needs numbers, not {kind_of(value)}", "use ~ to put texts together")


def _make_environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=_finalize,
        cache_size=0,
        # YAML has comments of its own; '{#' stays what it is, e.g. in ${#name}.
        comment_start_string="\0#",
        comment_end_string="#\0",
    )
    environment.globals.clear()
    environment.filters = dict(FILTERS)
    environment.tests = {name: test for name, test in environment.tests.items() if name in TESTS}
    return environment


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Undefined) else written(value)


_ENVIRONMENT = _make_environment()


@lru_cache(maxsize=4096)
def parse(template: str) -> nodes.Template:
    """The template's tree. Raises NotTaken where it is no template of this small language."""
    if len(template) > MAX_TEMPLATE:
        raise NotTaken(
            f"the template is longer than {MAX_TEMPLATE} characters", "move the text into a playbook or file"
        )
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        raise NotTaken(f"not a template: {error.message}", "check the braces and the expression in them") from error
    except RecursionError as error:
        raise NotTaken("the template is nested too deep", "write it shorter") from error
    for node in _walk(tree):
        _refuse(node)
    return _Joined().visit(tree)  # type: ignore[no-any-return]


class _Joined(NodeTransformer):
    """``a ~ b`` becomes ``[a, b] | join``, so that it writes values and bounds the result as all else does."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        joined = nodes.Filter(parts, "join", [], [], None, None, lineno=node.lineno)
        return joined.set_environment(_ENVIRONMENT)


def _walk(tree: nodes.Node) -> list[nodes.Node]:
    found: list[nodes.Node] = [tree]
    for node in found:  # grows while it is walked
        found.extend(node.iter_child_nodes())
    return found


def _refuse(node: nodes.Node) -> None:
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise NotTaken(f"there is no filter {node.name!r}", f"known: {', '.join(FILTERS)}")
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise NotTaken(f"there is no test {node.name!r}", f"known: {', '.join(sorted(TESTS))}")
    if isinstance(node, nodes.Name) and node.name in ("self", "super"):
        raise NotTaken(f"{node.name!r} is a word of Jinja's own", f"write inputs[{node.name!r}]")
    if isinstance(node, nodes.Pow):
        raise NotTaken("powers (**) are not taken", "write the number")
    if isinstance(node, nodes.Call):
        raise NotTaken("calls are not taken", f"read values by name; filters: {', '.join(FILTERS)}")
    if isinstance(node, nodes.Stmt) and not isinstance(node, nodes.Output):
        raise NotTaken("statements ({% ... %}) are not taken", "use {{ a if b else c }}, or 'when' on the step")
    if not isinstance(node, _ALLOWED):
        raise NotTaken(f"{type(node).__name__.lower()} is not taken in a template", "read values by name")


def single_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The one expression a template consists of, with nothing around it; else None."""
    if len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output):
        parts = tree.body[0].nodes
        if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData):
            return parts[0]
    return None


@lru_cache(maxsize=4096)
def compile_template(template: str) -> Callable[[Mapping[str, Any]], Any]:
    """A function from a scope to the rendered value. Raises NotTaken, at once or when called; UndefinedError."""
    tree = parse(template)
    expression = single_expression(tree)
    if expression is not None:
        # What compile_expression does, from the tree instead of the text.
        body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store", lineno=1), expression, lineno=1)]
        read = TemplateExpression(_ENVIRONMENT.from_string(nodes.Template(body, lineno=1)), False)
        return lambda scope: plain(read(scope), [MAX_RESULT])
    text = _ENVIRONMENT.from_string(tree)
    return lambda scope: gathered(text.generate(scope))


def names_in(template: str) -> set[str]:
    """Every value a template reads, dotted as far as its path is fixed: ``steps.lag.output.lag_s``."""
    found: set[str] = set()
    _collect(parse(template), found)
    return found


def _collect(node: nodes.Node, found: set[str]) -> None:
    path: list[str] = []
    inner = node
    while isinstance(inner, nodes.Getattr | nodes.Getitem):
        if isinstance(inner, nodes.Getattr):
            path.append(inner.attr)
        elif isinstance(inner.arg, nodes.Const):
            path.append(str(inner.arg.value))
        else:
            # What comes after a computed key is not known beforehand.
            path.clear()
            _collect(inner.arg, found)
        inner = inner.node
    if isinstance(inner, nodes.Name):
        found.add(".".join([inner.name, *reversed(path)]))
        return
    for child in inner.iter_child_nodes():
        _collect(child, found)
