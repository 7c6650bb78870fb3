"""What tests need to start processes of their own."""

import os


def unfollowed() -> dict[str, str]:
    """The environment without what lets coverage follow a process, for those that run what others run, too."""
    return {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
