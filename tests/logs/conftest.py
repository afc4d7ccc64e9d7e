"""A log to write to and to look at."""

import io
import logging

from proxy.config.settings import settings_of
from proxy.logs.format import LogHandler


class Log:
    """A logger below a handler of ours with these settings, its lines and its clock."""

    def __init__(self, name="proxy.test", **settings):
        self.stream, self.now = io.StringIO(), 0.0
        self.handler = LogHandler(settings_of(**settings), self.stream, lambda: self.now)
        self.logger = logging.Logger(name, logging.DEBUG)
        self.logger.addHandler(self.handler)

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def lines(self):
        """The lines without their time."""
        return [line.split(" ", 1)[1] for line in self.text.splitlines()]
