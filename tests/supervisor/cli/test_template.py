"""Lines in a form of the user's own."""

from __future__ import annotations

import pytest

from supervisor.cli.template import TemplateError, columns_of, render

VALUES = {
    "ID": "3f9a",
    "Names": "web",
    "State": {"Code": 3, "Error": None},
    "Runs": [1, 2],
    "Up": True,
}


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{.ID}}", "3f9a"),
        ("{{ .ID }}: {{.Names}}", "3f9a: web"),
        (r"{{.ID}}\t{{.Names}}\n", "3f9a\tweb\n"),
        ("{{.State.Code}}", "3"),
        ("{{.State.Error}}", ""),
        ("{{.Runs}}", "[1, 2]"),
        ("{{.Up}} {{json .Up}}", "true true"),
        ("{{json .State}}", '{"Code": 3, "Error": null}'),
        ("{{json .Names}}", '"web"'),
        ("plain", "plain"),
    ],
)
def test_fields_are_replaced(template: str, line: str) -> None:
    """All the rest stays as it is."""
    assert render(template, VALUES) == line


def test_json_of_everything() -> None:
    """For programs that read line by line."""
    assert render("{{json .}}", {"a": 1}) == '{"a": 1}'


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Name}}", 'there is no field Name; did you mean "Names"?'),
        ("{{.State.Cod}}", 'there is no field Cod; did you mean "Code"?'),
        ("{{.ID.x}}", "there is no field x"),
        ("{{if .ID}}x{{end}}", "{{if .ID}} is not understood: only fields and json are"),
        ("{{.ID}} {{.ID", "an action is not closed: }} is missing"),
        ("{{.}}", "{{.}} is not understood: only fields and json are"),
    ],
)
def test_what_is_not_known_is_refused(template: str, message: str) -> None:
    """Rather than left out."""
    with pytest.raises(TemplateError) as caught:
        render(template, VALUES)
    assert str(caught.value) == message


def test_a_table_has_columns() -> None:
    """Divided by tabs, typed or written; anything else is no table."""
    assert columns_of(r"table {{.ID}}\t{{.Names}} x") == ["{{.ID}}", "{{.Names}} x"]
    assert columns_of("table {{.ID}}\t{{.Names}}") == ["{{.ID}}", "{{.Names}}"]
    assert columns_of("tables {{.ID}}") == []
