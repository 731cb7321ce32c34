"""The list of cancel requests: newest first, every row once, whichever way it is paged."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.ports import Insert
from tests.api.desk import ApiDesk

LISTED = {"items", "limit", "offset", "next_cursor"}


@pytest.fixture
def queue(api: ApiDesk) -> tuple[ApiDesk, list[str]]:
    """Twelve requests of four days, three at the very same instant; their ids, newest first."""
    now = datetime.now(UTC)
    times = [now - timedelta(days=number // 3, seconds=number) for number in range(9)]
    times += [now - timedelta(days=4)] * 3
    rows = [request(f"c{number:02}", at, list(CancelStatus)[number % 4]) for number, at in enumerate(times)]
    api.commit(*(Insert(row) for row in rows))
    newest_first = sorted(rows, key=lambda row: (row.created_at, row.cancel_id), reverse=True)
    return api, [row.cancel_id for row in newest_first]


def request(cancel_id: str, at: datetime, status: CancelStatus) -> CancelRequest:
    return CancelRequest(
        cancel_id=cancel_id,
        strategy_id="s1",
        account_id="m1",
        exchange="mock",
        symbol="BTC/USDT",
        status=status,
        waiting_for_order=False,
        next_retry_at=at,
        requested_by="api",
        created_at=at,
        updated_at=at,
    )


def names(items: list[dict[str, Any]]) -> list[str]:
    return [str(item["cancel_id"]) for item in items]


def pages(api: ApiDesk, query: str, limit: int) -> list[list[str]]:
    """Follow the cursor to the end."""
    found, cursor = [], ""
    while True:
        page = api.get(f"cancel-queue?limit={limit}{query}{cursor}").body
        found.append(names(page["items"]))
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def same_but_for_ties(found: list[str], expected: list[str]) -> bool:
    """Requests of one instant may stand in any order among themselves."""
    tied = slice(9, 12)
    return found[:9] == expected[:9] and sorted(found[tied]) == sorted(expected[tied]) and len(found) == len(expected)


def test_an_empty_queue_is_an_empty_list(api: ApiDesk) -> None:
    """With the defaults of the page."""
    answer = api.get("cancel-queue")

    assert answer.status == 200
    assert answer.body == {"items": [], "limit": 20, "offset": 0, "next_cursor": None}


def test_the_newest_request_comes_first(queue: tuple[ApiDesk, list[str]]) -> None:
    """Over all days."""
    api, newest_first = queue

    answer = api.get("cancel-queue")

    assert set(answer.body) == LISTED
    assert same_but_for_ties(names(answer.body["items"]), newest_first)
    assert answer.body["next_cursor"] is None


@pytest.mark.parametrize("limit", [1, 5, 12])
def test_the_cursor_leads_through_every_row_once(queue: tuple[ApiDesk, list[str]], limit: int) -> None:
    """Across days, and through rows of one instant."""
    api, newest_first = queue

    found = pages(api, "", limit)

    assert same_but_for_ties([name for page in found for name in page], newest_first)
    assert all(len(page) == limit for page in found[:-1])


def test_offsets_lead_through_every_row_once(queue: tuple[ApiDesk, list[str]]) -> None:
    """For callers that count pages."""
    api, newest_first = queue

    found = [api.get(f"cancel-queue?limit=5&offset={offset}").body for offset in (0, 5, 10, 15)]

    assert same_but_for_ties([name for page in found for name in names(page["items"])], newest_first)
    assert [page["offset"] for page in found] == [0, 5, 10, 15]
    assert found[3]["items"] == []


def test_a_cursor_wins_over_an_offset(queue: tuple[ApiDesk, list[str]]) -> None:
    """The two together are not added up."""
    api, newest_first = queue
    cursor = api.get("cancel-queue?limit=3").body["next_cursor"]

    page = api.get(f"cancel-queue?limit=3&offset=7&cursor={cursor}").body

    assert names(page["items"]) == newest_first[3:6]


@pytest.mark.parametrize("status", CancelStatus)
def test_a_status_picks_its_requests(queue: tuple[ApiDesk, list[str]], status: CancelStatus) -> None:
    """In any case of letters, newest first, paged all the same."""
    api, newest_first = queue

    found = pages(api, f"&status={status.lower()}", 2)

    wanted = [name for name in newest_first if list(CancelStatus)[int(name[1:]) % 4] is status]
    assert [name for page in found for name in page] == wanted


def test_a_row_that_comes_while_somebody_pages_moves_nothing(queue: tuple[ApiDesk, list[str]]) -> None:
    """A cursor says after which row, not how many rows down."""
    api, newest_first = queue
    cursor = api.get("cancel-queue?limit=3").body["next_cursor"]
    api.commit(Insert(request("c99", datetime.now(UTC), CancelStatus.PENDING)))

    page = api.get(f"cancel-queue?limit=3&cursor={cursor}").body

    assert names(page["items"]) == newest_first[3:6]


def test_a_queue_longer_than_one_answer_of_the_database_is_listed_to_its_end(api: ApiDesk) -> None:
    """The largest page, and the largest offset."""
    now = datetime.now(UTC)
    for start in range(0, 150, 50):
        batch = range(start, start + 50)
        api.commit(*(Insert(request(f"c{n:03}", now - timedelta(seconds=n), CancelStatus.PENDING)) for n in batch))

    first = api.get("cancel-queue?limit=100").body
    second = api.get("cancel-queue?limit=100&offset=100").body
    beyond = api.get("cancel-queue?limit=100&offset=1000").body

    assert names(first["items"] + second["items"]) == [f"c{number:03}" for number in range(150)]
    assert (beyond["items"], beyond["next_cursor"]) == ([], None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1e2", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("offset=1001", "offset"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("status=DONE", "status"),
        ("status=OPEN", "status"),
    ],
)
def test_a_parameter_out_of_range_is_422(api: ApiDesk, query: str, field: str) -> None:
    """And named."""
    answer = api.get(f"cancel-queue?{query}")

    assert (answer.status, answer.code, answer.fields) == (422, "VALIDATION_ERROR", [field])


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%21%21",
        "AAAA",
        encoded([]),
        encoded(5),
        encoded(None),
        encoded("abc"),
        encoded(["2026-11-21"]),
        encoded(["2026-11-21", "a", 5]),
        encoded(["not a day", "a", "b"]),
        encoded(["1999-01-01", "a", "b"]),
        encoded(["2026-11-21", "a", "b", "c"]),
    ],
)
def test_a_cursor_that_no_list_gave_out_is_422(api: ApiDesk, cursor: str) -> None:
    """Rather than a page from anywhere; in every list that pages through its rows."""
    lists = ("cancel-queue?", "cancel-queue?status=PENDING&", "orders?", "orders?strategy_id=s1&")

    answers = [api.get(f"{path}cursor={cursor}") for path in lists]

    assert [(answer.status, answer.code, answer.fields) for answer in answers] == [
        (422, "VALIDATION_ERROR", ["cursor"])
    ] * 4


def test_empty_parameters_count_as_not_given(api: ApiDesk) -> None:
    """As a form sends them."""
    answer = api.get("cancel-queue?status=&limit=&offset=&cursor=")

    assert (answer.status, answer.body["limit"], answer.body["offset"]) == (200, 20, 0)
