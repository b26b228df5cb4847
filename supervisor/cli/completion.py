"""`pocker completion`: what a shell completes commands, options and names by."""

from __future__ import annotations

from collections.abc import Mapping

import click

from supervisor.cli.failure import Failure
from supervisor.cli.program import VARIABLE

NOTHING = 1
"""As click has it."""

_BASH = rf"""_pocker() {{
    local type value breaks=$COMP_WORDBREAKS
    [[ ${{COMP_WORDS[COMP_CWORD]}} == [\"\']* ]] && breaks=
    COMPREPLY=()
    while IFS=$'\t' read -r type value _; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <({VARIABLE}=bash COMP_LINE=${{COMP_LINE:0:COMP_POINT}} \
        COMP_WORDBREAKS=$breaks "$1" 2>/dev/null)
}}
complete -o nosort -F _pocker pocker
"""
_ZSH = rf"""#compdef pocker
_pocker() {{
    local type value text
    local -a offers
    while IFS=$'\t' read -r type value text; do
        case $type in
            (dir) _files -/ ;;
            (file) _files ;;
            (plain) offers+=("${{value//:/\\:}}${{text:+:$text}}") ;;
        esac
    done < <({VARIABLE}=zsh COMP_LINE="${{(j: :)words[1,CURRENT-1]}} $QIPREFIX$PREFIX" \
        "$words[1]" 2>/dev/null)
    (( $#offers )) && _describe -V pocker offers
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _pocker "$@"
else
    compdef _pocker pocker
fi
"""
_FISH = rf"""function _pocker
    set -l words (commandline -opc)
    {VARIABLE}=fish COMP_LINE=(commandline -cp | string collect) \
        $words[1] 2>/dev/null | while read -d \t -l type value text
        switch $type
            case dir
                __fish_complete_directories $value
            case file
                __fish_complete_path $value
            case plain
                printf '%s\t%s\n' $value $text
        end
    end
end
complete --no-files --keep-order --command pocker --arguments '(_pocker)'
"""
SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""What each shell has to be told. It asks with the line up to the cursor, and reads lines of three
fields with tabs between them: whether it is a `plain` word, or the shell itself knows the `file` or
`dir`; the word; what it means."""


@click.command
@click.argument("shell", type=click.Choice([*SCRIPTS]))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and names.

    For bash: eval "$(pocker completion bash)"; for zsh the same behind compinit; for fish:
    pocker completion fish | source.
    """
    click.echo(SCRIPTS[shell], nl=False)


def complete(program: click.Command, name: str, shell: str) -> int:
    """Answer the shell, which has put the line so far into the environment.

    It may make no sense yet, and then there is nothing to complete it with.
    """
    from supervisor.cli.completing import answer

    try:
        lines = answer(program, name, shell)
    except (Failure, click.ClickException):
        return NOTHING
    for line in lines:
        click.echo(line)
    return 0
