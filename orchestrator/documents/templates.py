"""The Renderer: puts values into what a runbook's author wrote. Values are data and are never rendered again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from orchestrator.documents.source import Keys
from orchestrator.documents.template_marks import NotTaken, has_template, names_in
from orchestrator.errors import ExecutorError


class TemplateRenderer:
    """Renders each template text in a spec once. Holds nothing; may be used from several threads."""

    def render(self, spec: Any, scope: Mapping[str, Any]) -> Any:
        """``spec`` with its templates replaced by values; keys are left alone.

        A text that is exactly one ``{{ expression }}`` becomes the value itself (a number stays a number); any other
        template becomes a text. Raises ExecutorError, naming the template, where a value is missing or the template
        is not taken.
        """
        return _rendered(spec, scope)


def _rendered(spec: Any, scope: Mapping[str, Any]) -> Any:
    if isinstance(spec, str):
        return render_text(spec, scope) if has_template(spec) else spec
    if isinstance(spec, Mapping):
        return {key: _rendered(value, scope) for key, value in spec.items()}
    if isinstance(spec, list | tuple):
        return [_rendered(value, scope) for value in spec]
    return spec


def render_text(template: str, scope: Mapping[str, Any]) -> Any:
    """The value of one template text. Raises ExecutorError."""
    from jinja2 import TemplateError, UndefinedError

    from orchestrator.documents.expressions import compile_template

    shown = template if len(template) <= 120 else template[:117] + "..."
    try:
        return compile_template(template)(scope)
    except NotTaken as error:
        raise ExecutorError(f"template {shown!r}: {error}", mend=error.mend) from error
    except UndefinedError as error:
        raise ExecutorError(f"template {shown!r}: {error.message}", mend=_meant(template, scope)) from error
    except (TemplateError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ExecutorError(f"template {shown!r}: {error}", mend="check the expression and its values") from error


def _meant(template: str, scope: Mapping[str, Any]) -> str:
    for name in sorted(names_in(template)):
        first = name.partition(".")[0]
        if first not in scope:
            close = get_close_matches(first, [str(key) for key in scope], n=1)
            return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(map(str, scope))}"
    return "write the name as it stands in the output, or add | default(...)"


def templates_in(spec: Any, path: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Every template text in a spec (models' data as well), with its path."""
    if isinstance(spec, str):
        if has_template(spec):
            yield path, spec
    elif isinstance(spec, Mapping):
        for key, value in spec.items():
            yield from templates_in(value, (*path, key))
    elif isinstance(spec, list | tuple):
        for number, value in enumerate(spec):
            yield from templates_in(value, (*path, number))


def references(spec: Any) -> set[str]:
    """All values that templates in a spec read, dotted: ``steps.lag.output.lag_s``. Raises ExecutorError."""
    found: set[str] = set()
    for _, template in templates_in(spec):
        try:
            found |= names_in(template)
        except NotTaken as error:
            raise ExecutorError(f"template {template!r}: {error}", mend=error.mend) from error
    return found
