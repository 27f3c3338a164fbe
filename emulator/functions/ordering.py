"""ORDER BY inside of an aggregate: a whole number means one of the aggregate's own arguments.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/FunctionAnalyzer.java`; recorded:
`test/sql/test_agg_function/R/test_group_concat`.
"""

from sqlglot import exp

from emulator.errors import syntax


def by_place(order: exp.Order, values: list[exp.Expr]) -> None:
    """Put the arguments where ORDER BY names them by their places; constants say nothing and go.

    Raises StarRocksError 1064 for a place that there is not.
    """
    keys = []
    for key in order.expressions:
        place = key.this
        if isinstance(place, exp.Literal) and not place.is_string and str(place.this).isdigit():
            if not 1 <= int(place.this) <= len(values):
                raise syntax(f"ORDER BY position {place.this} is not in group_concat output list")
            key.set("this", values[int(place.this) - 1].copy())
        elif isinstance(place, exp.Literal | exp.Null):
            continue
        keys.append(key)
    order.set("expressions", keys)
