"""`python cli.py …` is the installed `storyboard` command."""

from storyboard.commands.main import main

if __name__ == "__main__":
    main()
