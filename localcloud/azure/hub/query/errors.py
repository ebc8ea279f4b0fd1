"""What is wrong with a query.

QueryError    message with the position
"""


class QueryError(ValueError):
    """The text is no query that the hub would run; `position` counts characters from 1."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message}, at character {position}")
        self.position = position
