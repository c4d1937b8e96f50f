"""`python -m storyboard.starter`: draw, train, sample and measure the bundled model; commands load when named."""

from importlib import import_module

import click

COMMANDS = {
    "grid": "storyboard.starter.commands_draw:grid",
    "draw": "storyboard.starter.commands_draw:draw_pictures",
    "evaluate": "storyboard.starter.commands_training:evaluate",
    "samples": "storyboard.starter.commands_training:samples",
    "train": "storyboard.starter.commands_training:train",
    "probe": "storyboard.starter.commands_probe:probe",
    "tower": "storyboard.starter.commands_tower:tower",
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.command(cls=LazyGroup)
def main() -> None:
    """The starter model: its illustrator, its training and its figures."""


if __name__ == "__main__":
    main(prog_name="python -m storyboard.starter")
