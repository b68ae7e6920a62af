"""`lume completion`: the script that teaches a shell to complete `lume` with the Tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lume_dagster.cli.shell import Shell, verb

_WHERE = {
    "bash": 'eval "$(lume completion bash)"    in ~/.bashrc',
    "zsh": 'eval "$(lume completion zsh)"     in ~/.zshrc',
    "fish": "lume completion fish > ~/.config/fish/completions/lume.fish",
}


@verb(epilog="\b\n" + "\n".join(_WHERE.values()), of_project=False)
@click.argument("kind", metavar="SHELL", type=click.Choice(sorted(_WHERE)))
def completion(shell: Shell, kind: str) -> None:
    """Print the completion script for SHELL: bash, zsh or fish."""
    maker = get_completion_class(kind)
    if maker is None:
        raise click.UsageError(f"No completion for {kind}.")
    root = click.get_current_context().find_root().command
    script = maker(root, {}, "lume", "_LUME_COMPLETE").source()
    shell.answer({"shell": kind, "script": script}, lambda: click.echo(script))
