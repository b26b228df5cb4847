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
    "Config": {"Cmd": ["sh", "-c"], "Labels": {"b": "2", "a.b": "1"}, "Env": []},
    "labels": {"team": "etl"},
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
        ('{{index .Config.Labels "a.b"}}{{index .Config.Labels "x"}}', "1"),
        ("{{index .Config.Cmd 1}} {{len .Config.Cmd}} {{(index .Runs 0)}}", "-c 2 1"),
        ('{{join .Config.Cmd " "}} {{.Names | upper | printf "%-5s|"}}', "sh -c WEB  |"),
        ('{{.Label "team"}}/{{.Label "x"}}', "etl/"),
        ("{{if .Up}}up{{else}}down{{end}}", "up"),
        ("{{if not .Up}}a{{else if eq .ID `3f9a`}}b{{else}}c{{end}}", "b"),
        ("{{if and .Up (gt .State.Code 2)}}{{.Names}}{{end}}", "web"),
        ("{{range .Runs}}<{{.}}>{{end}}{{range .Config.Env}}x{{else}}none{{end}}", "<1><2>none"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a.b=1;b=2;"),
        ("{{range $v := .Runs}}{{$v}}{{$.ID}} {{end}}", "13f9a 23f9a "),
        ("{{with .State}}{{.Code}}{{end}}{{$x := .ID}}{{$x}}", "33f9a"),
        ('{{with index .Config.Labels "x"}}{{.}}{{else}}-{{end}}', "-"),
        ("a {{/* why */}}b  {{- .ID -}}  c", "a b3f9ac"),
        ('{{printf "%q %d%%" .ID .State.Code}} {{println "a" 1}}', '"3f9a" 3% a 1\n'),
        ('{{json (split "a,b" ",")}} {{title "ab"}} {{"}}"}}', '["a", "b"] Ab }}'),
        ("{{(index .Config.Cmd 0) | lower}} {{true}} {{1.5}}", "sh true 1.5"),
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
        ("{{if .ID}}x", "{{if .ID}} has no {{end}}"),
        ("x{{end}}", "{{end}} ends nothing"),
        ("{{uper .ID}}", 'there is no function uper; did you mean "upper"?'),
        ("{{.ID 3}}", "'3f9a' is no function"),
        ("{{$x}}", "there is no variable $x"),
        ("{{index .Runs 7}}", "index: there is no 7: there are 2"),
        ("{{index .ID 0}}", "index: '3f9a' has no parts by '0'"),
        ("{{range .ID}}{{end}}", "range: '3f9a' has no parts"),
        ("{{upper}}", "upper does not go with nothing"),
        ("{{len .Up}}", "len does not go with 'true'"),
        ("{{if .ID}}" * 5000, "it goes too deep"),
        ("{{(.ID}}", "{{(.ID}}: a bracket is not closed"),
        ("{{.ID | }}", "{{.ID |}}: a value is missing"),
        ("{{.ID % 2}}", "{{.ID % 2}} is not understood at '% 2'"),
        ('{{printf "%d" .ID}}', "printf: %d does not go with '3f9a'"),
        ('{{printf "%s"}}', "printf: there is no value for %s"),
        ("{{.ID}} {{.ID", "an action is not closed: }} is missing"),
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
