"""The language's words, as tables.

Functions: the reference names IS_DEFINED alone for twin queries; STARTSWITH and ENDSWITH are known to work,
without an underscore, CONTAINS and STARTS_WITH not to (MicrosoftDocs/azure-docs#110329, #85381, #105649).
What
the local cloud refuses here might work in the service, never the other way round.
"""

COLLECTIONS = ("devices", "devices.modules")
AGGREGATES = frozenset({"COUNT", "AVG", "SUM", "MIN", "MAX"})
FUNCTIONS = {"IS_DEFINED": 1, "STARTSWITH": 2, "ENDSWITH": 2}  # how many arguments each takes
COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
SUMS = frozenset("+-")
PRODUCTS = frozenset("*/%")
CONSTANTS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
RESERVED = frozenset(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP",
        "BY",
        "AND",
        "OR",
        "NOT",
        "IN",
        "NIN",
        "AS",
        "TOP",
        "NULL",
        "UNDEFINED",
    ]
)
