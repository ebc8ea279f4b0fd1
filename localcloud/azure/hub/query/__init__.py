"""The twin query language of IoT Hub: text to a plan, a plan over twins to rows. Pure, no IO.

lexer       text to tokens
language    what a query is made of
parser      tokens to a query or a condition; QueryError says what is wrong and where
evaluate    an expression over one twin
rows        a query over many twins: filter, group, project, count

"IoT Hub query language" and "Queries for IoT Hub device and module twins" (learn.microsoft.com/azure/iot-hub/
iot-hub-devguide-query-language, query-twins). What those pages leave open is said where it is decided.
"""

from localcloud.azure.hub.query.errors import QueryError
from localcloud.azure.hub.query.evaluate import holds
from localcloud.azure.hub.query.language import Condition, Query
from localcloud.azure.hub.query.parser import read_condition, read_query
from localcloud.azure.hub.query.rows import count_rows, run

__all__ = ["Condition", "Query", "QueryError", "count_rows", "holds", "read_condition", "read_query", "run"]
