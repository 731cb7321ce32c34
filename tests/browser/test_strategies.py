"""A strategy from its form to its log: the token shown once, the alert's text as it stands, the export."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import httpx
from playwright.sync_api import Locator, expect

from tests.browser.person import Person
from tests.system.stack import Stack, order_ids
from tests.system.test_stack import MARKET

MOCK_WORDS = "the mock refused the order (success_rate)"


def create(person: Person, strategy: str, account: str) -> str:
    """Make a strategy on one account through the form; the token as the page shows it."""
    person.go("Strategies")
    person.page.get_by_role("link", name="New strategy").click()
    person.page.get_by_label("Strategy id").fill(strategy)
    person.page.get_by_label("Name", exact=True).fill(f"{strategy}, made in a form")
    person.page.get_by_label("Allowed symbols").fill("btc/usdt, ETH/USDT")
    person.page.get_by_label("Largest order").fill("5000")
    person.page.get_by_label(f"{account} (mock · spot)").check()
    person.page.get_by_label(f"Weight of {account}").fill("0.5")
    person.press("Create")
    return token_box(person).input_value()


def token_box(person: Person) -> Locator:
    """The token while it is shown."""
    return person.region("Copy this now: it is shown once").get_by_label("Webhook token")


def export(person: Person, strategy: str) -> tuple[str, list[dict[str, str]]]:
    """The file's name and lines, as a spreadsheet gets them from the log of a strategy."""
    person.open(f"log?strategy={strategy}")
    with person.page.expect_download() as download:
        person.press("Export CSV")
    file = Path(download.value.path())
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return download.value.suggested_filename, list(csv.DictReader(lines))


def test_a_created_strategy_is_stored_as_it_was_entered(operator: Person, stack: Stack) -> None:
    """Symbols, weights and the limit; and it stands in the list."""
    stack.set_options("entered-1", success_rate=1)

    create(operator, "entered", "entered-1")
    operator.go("Strategies")

    expect(operator.row("entered, made in a form")).to_contain_text("entered-1 × 0.5")
    made = stack.call("GET", "/api/v1/strategies/entered").json()
    assert made["symbols"] == ["BTC/USDT", "ETH/USDT"]
    assert made["accounts"] == [{"account_id": "entered-1", "weight": "0.5"}]
    assert (made["limits"], made["enabled"]) == ({"max_order_notional": "5000"}, True)


def test_the_token_is_shown_once(operator: Person, stack: Stack) -> None:
    """It is gone after leaving and coming back, and no answer has it any more."""
    stack.set_options("once-1", success_rate=1)

    token = create(operator, "once", "once-1")
    assert len(token) >= 32
    operator.go("Overview")
    operator.page.go_back()

    expect(operator.page.get_by_text("Put the strategy’s token in place of WEBHOOK-TOKEN.")).to_be_visible()
    expect(token_box(operator)).to_have_count(0)
    assert token not in operator.page.content()
    assert token not in stack.call("GET", "/api/v1/strategies/once").text


def test_the_alerts_text_as_it_stands_makes_an_order(operator: Person, stack: Stack) -> None:
    """Posted as TradingView does, as plain text, to the address that the page shows."""
    stack.set_options("pasted-1", success_rate=1)
    create(operator, "pasted", "pasted-1")
    form = operator.region("For TradingView")

    form.get_by_label("Side").select_option("Buy")
    form.get_by_label("Symbol").select_option("ETH/USDT")
    form.get_by_label("Quantity").fill("0.2")
    text = form.get_by_label("Alert message").input_value()
    address = form.get_by_label("Webhook URL").input_value()
    answer = httpx.post(address, content=text, headers={"Content-Type": "text/plain; charset=utf-8"})

    assert (answer.status_code, answer.json()["successful_accounts"]) == (200, 1)
    (order_id,) = order_ids(answer)
    order = stack.order(order_id)
    assert (order["symbol"], order["side"], order["quantity"], order["status"]) == ("ETH/USDT", "BUY", "0.1", "FILLED")


def test_copying_takes_what_the_box_shows(operator: Person, stack: Stack) -> None:
    """The token, the address and the alert's text."""
    operator.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stack.set_options("copied-1", success_rate=1)
    create(operator, "copied", "copied-1")

    for name in ("Webhook token", "Webhook URL", "Alert message"):
        operator.press(f"Copy {name}")
        expect(operator.page.get_by_text(f"{name}: copied.")).to_be_visible()

        shown = operator.page.get_by_role("textbox", name=name, exact=True).input_value()
        assert operator.page.evaluate("navigator.clipboard.readText()") == shown


def test_a_replaced_token_is_the_only_one_that_works(operator: Person, stack: Stack) -> None:
    """The dialog says that alerts with the old one are refused from then on."""
    who = stack.trade_on("replaced", {})
    operator.open("strategies/replaced")

    operator.press("Replace token")
    expect(operator.page.get_by_role("dialog")).to_contain_text("the present token of replaced are refused from now on")
    operator.confirm("Replace token")
    token = token_box(operator).input_value()

    assert stack.alert(**who, **MARKET).status_code == 401
    assert stack.alert(strategy="replaced", token=token, **MARKET).status_code == 200


def test_a_disabled_strategy_takes_no_alerts_until_it_is_enabled(operator: Person, stack: Stack) -> None:
    """From the list and from its own page; nothing else of it changes."""
    who = stack.trade_on("turned", {})
    before = stack.call("GET", "/api/v1/strategies/turned").json()
    operator.go("Strategies")

    operator.press("Disable turned")
    expect(operator.row("turned-1 × 1")).to_contain_text("Disabled")
    refused = stack.alert(**who, **MARKET)
    operator.page.get_by_role("link", name="turned", exact=True).click()
    operator.press("Enable turned")
    expect(operator.page.get_by_role("button", name="Disable turned")).to_be_visible()
    taken = stack.alert(**who, **MARKET)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "STRATEGY_DISABLED")
    assert taken.status_code == 200
    after = stack.call("GET", "/api/v1/strategies/turned").json()
    assert {**before, "version": 0, "updated_at": ""} == {**after, "version": 0, "updated_at": ""}


def test_an_id_that_is_taken_replaces_nothing(operator: Person, stack: Stack) -> None:
    """PUT would."""
    stack.trade_on("taken", {})
    operator.open("strategies?new=1")

    operator.page.get_by_label("Strategy id").fill("taken")
    operator.page.get_by_label("Name", exact=True).fill("another")
    operator.press("Create")

    expect(operator.page.get_by_role("alert").filter(has_text="taken exists already.")).to_be_visible()
    assert stack.call("GET", "/api/v1/strategies/taken").json()["name"] == "taken"


def test_the_log_shows_each_event_with_totals_that_add_up(operator: Person, stack: Stack) -> None:
    """An account that was refused says why, beside the one that traded."""
    who = stack.trade_on("logged", {}, {"success_rate": 0})
    first = stack.alert(**who, **MARKET).json()
    second = stack.alert(**who, **MARKET, alert_id="another").json()

    operator.open("log?strategy=logged")

    for event in (first, second):
        line = operator.row(event["event_id"])
        expect(line).to_contain_text("MARKET BTC/USDT")
        expect(line.get_by_role("listitem").filter(has_text="logged-1")).to_contain_text("FILLED")
        refused = line.get_by_role("listitem").filter(has_text="logged-2")
        expect(refused).to_contain_text("REJECTED")
        expect(refused).to_contain_text(MOCK_WORDS)
    total = operator.row("Total of the 2 shown")
    expect(total.get_by_role("cell")).to_have_text(["4", "2", "2", "0", ""])


def test_the_exported_lines_add_up(operator: Person, stack: Stack) -> None:
    """One for each account's result; an event's own counts stand in all of its lines."""
    who = stack.trade_on("exported", {}, {"success_rate": 0}, {})
    events = [stack.alert(**who, **MARKET, alert_id=f"number {number}").json()["event_id"] for number in range(2)]

    name, lines = export(operator, "exported")

    assert name == "exported-log.csv"
    assert Counter(line["event_id"] for line in lines) == dict.fromkeys(events, 3)
    for event in events:
        own = [line for line in lines if line["event_id"] == event]
        counts = {(line["total_accounts"], line["successful_accounts"], line["failed_accounts"]) for line in own}
        assert counts == {("3", "2", "1")}
        assert sorted(line["status"] for line in own) == ["FILLED", "FILLED", "REJECTED"]
        assert [line["error"] for line in own if line["status"] == "REJECTED"] == [MOCK_WORDS]


def test_no_exported_cell_is_a_formula(operator: Person, stack: Stack) -> None:
    """Whatever an exchange gives as its reason; commas, quotes and line breaks stay in their cell."""
    said = ['=HYPERLINK("http://example.com","x")', "+1+1", "-1+1", "@SUM(1,1)", "\t=1", 'fine, "quoted"\nand on']
    stack.alert(**stack.trade_on("formulas", {"success_rate": 0}), **MARKET)
    errors = []
    for words in said:
        operator.hear_instead({MOCK_WORDS: words})
        errors += [line["error"] for line in export(operator, "formulas")[1]]

    assert errors == [*(f"'{words}" for words in said[:-1]), said[-1]]


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(operator: Person, stack: Stack) -> None:
    """PUT replaces all of it: the form says so, and works once it was loaded again."""
    stack.trade_on("shared", {})
    operator.open("strategies/shared")
    settings = operator.region("Settings")
    settings.get_by_label("Largest order").fill("5000")
    stack.trade_on("shared", {}, {})

    operator.press("Save", settings)
    expect(settings.get_by_text("It was changed meanwhile.")).to_be_visible()
    kept = stack.call("GET", "/api/v1/strategies/shared").json()
    operator.page.reload()
    settings.get_by_label("Largest order").fill("5000")
    operator.press("Save", settings)
    expect(operator.page.get_by_text("shared is saved.")).to_be_visible()

    saved = stack.call("GET", "/api/v1/strategies/shared").json()
    assert (len(kept["accounts"]), kept["limits"]) == (2, {"max_order_notional": None})
    assert (len(saved["accounts"]), saved["limits"]) == (2, {"max_order_notional": "5000"})


def test_the_alerts_text_has_a_symbol_wherever_it_needs_one(operator: Person, stack: Stack) -> None:
    """A CANCEL_ALL may be for all symbols, an order never is; what is still missing is said."""
    stack.trade_on("turning", {})
    operator.open("strategies/turning")
    form = operator.region("For TradingView")
    text = form.get_by_label("Alert message")

    form.get_by_label("Order type").select_option("CANCEL_ALL")
    form.get_by_label("Symbol").select_option("All symbols")
    assert "symbol" not in json.loads(text.input_value())
    form.get_by_label("Order type").select_option("MARKET")
    expect(text).to_have_value(re.compile('"symbol": "{{ticker}}"'))
    expect(form.get_by_text("Something is still missing")).to_have_count(0)
    form.get_by_label("Order type").select_option("CANCEL")

    expect(form.get_by_text("Something is still missing")).to_be_visible()


def test_what_is_typed_survives_what_happens_beside_it(operator: Person, stack: Stack) -> None:
    """The strategy is disabled by its button while its name is being changed: both are kept."""
    stack.trade_on("beside", {})
    operator.open("strategies/beside")
    settings = operator.region("Settings")
    settings.get_by_label("Name", exact=True).fill("A better name")

    operator.press("Disable beside")
    expect(settings.get_by_label("Enabled")).not_to_be_checked()
    expect(settings.get_by_label("Name", exact=True)).to_have_value("A better name")
    operator.press("Save", settings)
    expect(operator.page.get_by_text("beside is saved.")).to_be_visible()

    saved = stack.call("GET", "/api/v1/strategies/beside").json()
    assert (saved["name"], saved["enabled"]) == ("A better name", False)
