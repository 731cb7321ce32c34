"""Request units computed by hand from the rules that DynamoDB's developer guide gives."""

from typing import Any

import pytest

from tests.benchmarks.costs_units import Index, Table, Units, get_units, item_size, load_tables, query_units

BY_DAY = Index("by_day", ("day",), None)
DUE = Index("due", ("shard", "at"), frozenset({"id", "shard", "at"}))
PLAIN = Table(("id",))
INDEXED = Table(("id",), (BY_DAY, DUE))


def item(size: int, **attributes: str) -> dict[str, Any]:
    """An item of so many bytes."""
    made: dict[str, Any] = {"id": {"S": "x"}, **{name: {"S": value} for name, value in attributes.items()}}
    rest = size - item_size(made) - len("rest")
    return {**made, "rest": {"S": "." * rest}}


def test_the_size_of_an_item_is_that_of_its_names_and_values() -> None:
    """By the guide: text in UTF-8, two digits of a number a byte and one more, 3 bytes around lists and maps."""
    made: Any = {
        "id": {"S": "ä"},  # 2 + 2
        "n": {"N": "-120.50"},  # 1 + 12050 without its outer zeros: 4 digits, 1 more, 1 for the sign
        "flag": {"BOOL": True},  # 4 + 1
        "list": {"L": [{"S": "ab"}, {"NULL": True}]},  # 4 + 3 + (1 + 2) + (1 + 1)
        "map": {"M": {"k": {"S": "v"}}},  # 3 + 3 + (1 + 1 + 1)
    }

    assert item_size(made) == 4 + (1 + 4) + 5 + 12 + 9


@pytest.mark.parametrize(
    ("before", "after", "alone", "in_a_transaction"),
    [(None, 1024, 1, 2), (None, 1025, 2, 4), (3000, 10, 3, 6), (10, 3000, 3, 6), (3000, None, 3, 6)],
    ids=["put of 1 KB", "put of a byte more", "update that shrinks", "update that grows", "delete"],
)
def test_a_write_costs_the_larger_of_both_items_and_twice_that_in_a_transaction(
    before: int | None, after: int | None, alone: int, in_a_transaction: int
) -> None:
    """Rounded up to whole kilobytes."""
    old, new = (item(size) if size else None for size in (before, after))

    assert PLAIN.write(old, new) == Units(writes=alone)
    assert PLAIN.write(old, new, transaction=True) == Units(writes=in_a_transaction)


def test_a_condition_in_a_transaction_costs_as_a_write_and_touches_no_index() -> None:
    """Also that no item is there."""
    assert INDEXED.check(item(1500, day="1", shard="0", at="1")) == Units(writes=4)
    assert INDEXED.check(None) == Units(writes=2)


def test_a_transaction_doubles_the_table_but_not_its_indexes() -> None:
    """1,500 bytes: 2 units, doubled; the full index 2, the sparse one, which holds the keys alone, 1."""
    new = item(1500, day="1", shard="0", at="1")

    assert INDEXED.write(None, new, transaction=True) == Units(writes=4 + 2 + 1)


def test_an_index_counts_only_where_what_it_holds_changes() -> None:
    """Moving an entry takes two writes, leaving the index one."""
    old = item(500, day="1", shard="0", at="1")
    other_text = {**old, "rest": {"S": "!"}}
    moved = {**old, "at": {"S": "2"}}
    left = {name: value for name, value in old.items() if name != "shard"}

    assert INDEXED.write(old, old) == Units(writes=1)
    assert INDEXED.write(old, other_text) == Units(writes=1 + 1)
    assert INDEXED.write(old, moved) == Units(writes=1 + 1 + 2)
    assert INDEXED.write(old, left) == Units(writes=1 + 1 + 1)
    assert INDEXED.write(item(500), item(500)) == Units(writes=1)


def test_a_consistent_read_costs_twice_an_eventual_one() -> None:
    """By four kilobytes; a query adds its items up before it rounds, and an empty answer is not free."""
    assert get_units(item(4096), consistent=True) == Units(reads=1)
    assert get_units(item(4097), consistent=True) == Units(reads=2)
    assert get_units(item(4097), consistent=False) == Units(reads=1)
    assert get_units(None, consistent=True) == Units(reads=1)
    assert query_units([item(3000), item(3000)], consistent=True) == Units(reads=2)
    assert query_units([], consistent=False) == Units(reads=0.5)


def test_storage_counts_the_table_and_each_index_that_holds_the_item() -> None:
    """With 100 bytes more for each of them."""
    assert INDEXED.stored(item(500, day="1")) == (600, 600)
    assert PLAIN.stored(item(500)) == (600, 0)


def test_the_tables_of_the_template_are_known_with_their_indexes() -> None:
    """An index of keys only holds the table's key too."""
    orders = load_tables("p")["p-orders"]

    held = {index.name: index.holds and sorted(index.holds) for index in orders.indexes}
    assert orders.keys == ("order_id",)
    assert held["by_strategy"] is None
    assert held["live_by_strategy"] == ["created_at", "live_strategy", "order_id"]
    assert held["live"] == ["account_id", "check_at", "live_shard", "order_id"]
