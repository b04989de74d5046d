"""`released client add`, `list` and `show`: what they take, print and refuse."""

import pytest

from tests.doubles.command_line import FAQS, LA_PLAZA, Shell, assert_refused

KEYS = [
    "id",
    "name",
    "phone_number",
    "phone_number_id",
    "assistant_id",
    "active",
    "created_at",
    "updated_at",
    "welcome_message",
    "business_hours",
    "timezone",
    "locale",
    "fallback_message",
    "faq_count",
    "assistant_version",
    "stopped",
    "warnings",
    "faqs_digest",
    "access_token_digest",
]


def test_add_prints_the_client_as_json(shell: Shell) -> None:
    """`--json` prints the client of the contract, and nothing else on stdout."""
    added = shell.add(
        *("--welcome-message", "¡Hola!", "--business-hours", "L-V: 9:00-22:00"),
        *("--fallback-message", "No lo sé.", "--timezone", "Atlantic/Canary", "--locale", "ca"),
    )
    assert KEYS == list(added)
    assert added["assistant_id"].startswith("asst_")
    assert added["created_at"].endswith("Z")
    said = {
        "id": 1,
        "name": "La Plaza",
        "phone_number": "+34666777888",
        "phone_number_id": "6312",
        "active": True,
        "welcome_message": "¡Hola!",
        "business_hours": "L-V: 9:00-22:00",
        "timezone": "Atlantic/Canary",
        "locale": "ca",
        "fallback_message": "No lo sé.",
        "faq_count": 3,
        "assistant_version": 1,
        "stopped": None,
    }
    assert said == {key: added[key] for key in said}


def test_add_tells_a_person(shell: Shell) -> None:
    """Without `--json` the facts are on stdout and the good news on stderr."""
    done = shell.must("client", "add", *LA_PLAZA, "--faqs", str(FAQS))
    assert "phone_number_id    6312\n" in done.out
    assert "welcome_message    -\n" in done.out
    assert "active             yes\n" in done.out
    assert "Client 1, La Plaza, is on" in done.err


@pytest.mark.parametrize(
    "written",
    ["+34666777888", "+34 666 777 888", "+34-666.777-888", "+34 (666) 777 888", " +34666777888 "],
)
def test_add_takes_a_number_as_people_write_it(shell: Shell, written: str) -> None:
    """Spaces, dots, dashes and brackets drop out of a phone number."""
    assert "+34666777888" == shell.add("--phone-number", written)["phone_number"]


def test_add_takes_the_number_of_the_seed_document(shell: Shell) -> None:
    """A number needs E.164 shape only: the seed's own, which nobody can call, is taken."""
    assert "+1234567890" == shell.add("--phone-number", "+1234567890")["phone_number"]


@pytest.mark.parametrize(
    "written", ["34666777888", "+123456", "+1234567890123456", "+34a66777888", "+", ""]
)
def test_add_refuses_another_shape_of_number(shell: Shell, written: str) -> None:
    """What is no plus and 7 to 15 digits is refused by field, and nothing is written."""
    seed = ("--name", "X", "--phone-number", written, "--phone-number-id", "1")
    assert_refused(shell.run("client", "add", *seed, "--faqs", str(FAQS)), 1, "phone_number: ")
    assert [] == shell.list_clients()


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--name", "  ", "name"),
        ("--name", "two\nlines", "name"),
        ("--name", "a" * 201, "name"),
        ("--phone-number-id", "+34", "phone_number_id"),
        ("--timezone", "Mars/Phobos", "timezone"),
        ("--locale", "Spanish!", "locale"),
        ("--welcome-message", "a" * 4097, "welcome_message"),
        ("--fallback-message", "\x1b[31m", "fallback_message"),
    ],
)
def test_add_names_the_field_it_refuses(shell: Shell, option: str, value: str, field: str) -> None:
    """Each unusable value is refused in one line that names its field."""
    result = shell.run("client", "add", *LA_PLAZA, "--faqs", str(FAQS), option, value)
    assert_refused(result, 1, f"{field}: ")
    assert [] == shell.list_clients()


def test_a_phone_number_id_belongs_to_one_client(shell: Shell) -> None:
    """A second client on the same phone_number_id is refused, naming who has it."""
    shell.add()
    result = shell.run("client", "add", *LA_PLAZA, "--faqs", str(FAQS))
    assert_refused(result, 1, "6312", "belongs to client 1 (La Plaza) already")
    assert 1 == len(shell.list_clients())


def test_two_clients_may_share_a_phone_number(shell: Shell) -> None:
    """Only phone_number_id is unique."""
    shell.add()
    assert 2 == shell.add(number_id="77")["id"]


def test_hours_that_cannot_be_read_stay_text(shell: Shell) -> None:
    """Unreadable business hours are kept word for word, and stderr says so, then and later."""
    hours = ("--business-hours", "whenever we feel like it")
    added = shell.must("client", "add", *LA_PLAZA, "--faqs", str(FAQS), *hours, "--json")
    assert "whenever we feel like it" == added.json["business_hours"]
    assert "Business hours stay text" in added.err
    assert "Business hours stay text" in shell.must("client", "show", "1").err


def test_hours_that_can_be_read_raise_no_warning(shell: Shell) -> None:
    """Readable hours are nothing to talk about."""
    shell.add("--business-hours", "L-V: 9:00-22:00, S: 10:00-23:00")
    assert "" == shell.must("client", "show", "1").err


@pytest.mark.parametrize("given", [b"EAAtoken123\n", b"  EAAtoken123  "])
def test_an_access_token_comes_from_a_file_or_stdin(shell: Shell, given: bytes) -> None:
    """`--access-token-file` takes a path or `-`, and the token is shown nowhere."""
    path = shell.write("token", given)
    for number_id, source in (("1", path), ("2", "-")):
        seed = ("--name", "X", "--phone-number", "+34666777888", "--phone-number-id", number_id)
        options = ("--faqs", str(FAQS), "--access-token-file", source)
        done = shell.must("client", "add", *seed, *options, "--json", stdin=given)
        assert "EAAtoken123" not in done.out + done.err


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "no access token"), (b"two words", "no access token"), ("ñ".encode(), "plain ASCII")],
)
def test_what_is_no_token_is_refused_unquoted(shell: Shell, content: bytes, why: str) -> None:
    """A file that holds no token is refused without repeating what it holds."""
    token = ("--access-token-file", shell.write("token", content))
    result = shell.run("client", "add", *LA_PLAZA, "--faqs", str(FAQS), *token)
    assert_refused(result, 1, why)
    assert "words" not in result.err


def test_a_huge_token_file_is_refused(shell: Shell) -> None:
    """A file picked by mistake is not read whole."""
    token = ("--access-token-file", shell.write("token", b"a" * 10_001))
    result = shell.run("client", "add", *LA_PLAZA, "--faqs", str(FAQS), *token)
    assert_refused(result, 1, "over 10000 bytes")


def test_the_list_has_what_http_has(shell: Shell) -> None:
    """`client list --json` prints the same objects as `client show --json`."""
    shell.add()
    shell.add(number_id="77", name="El Faro")
    listed = shell.list_clients()
    assert ["La Plaza", "El Faro"] == [client["name"] for client in listed]
    assert listed == [shell.must("client", "show", str(n), "--json").json for n in (1, 2)]


def test_the_list_may_leave_inactive_clients_out(shell: Shell) -> None:
    """`--active-only` lists those whose bots run."""
    shell.add()
    assert "No clients yet" not in shell.must("client", "list").err
    shell.must("client", "deactivate", "1", "--yes")
    assert [] == shell.must("client", "list", "--active-only", "--json").json
    assert "No active clients" in shell.must("client", "list", "--active-only").err
    assert "inactive" in shell.must("client", "list").out


def test_an_empty_list_says_what_to_do(shell: Shell) -> None:
    """Without clients stdout stays empty, and stderr names the next command."""
    done = shell.must("client", "list")
    assert "" == done.out
    assert "released client add" in done.err
    assert [] == shell.list_clients()


@pytest.mark.parametrize("ref", ["1", "6312", "+34666777888", "34666777888", "La Plaza"])
def test_ref_finds_a_client(shell: Shell, ref: str) -> None:
    """REF is an id, a phone_number_id, a phone number with or without plus, or the exact name."""
    shell.add()
    assert 1 == shell.must("client", "show", ref, "--json").json["id"]


def test_the_exact_id_wins_then_the_phone_number_id_then_the_phone(shell: Shell) -> None:
    """What fits several ways is the id first, then phone_number_id, then phone, then name."""
    shell.add(number_id="2", name="34600000001")
    shell.add("--phone-number", "+34600000001", number_id="34600000002", name="B")
    shell.add("--phone-number", "+34600000002", number_id="99", name="C")
    assert "B" == shell.must("client", "show", "2", "--json").json["name"]
    assert "B" == shell.must("client", "show", "34600000002", "--json").json["name"]
    assert "C" == shell.must("client", "show", "+34600000002", "--json").json["name"]
    assert "B" == shell.must("client", "show", "34600000001", "--json").json["name"]


@pytest.mark.parametrize("ref", ["La Plaza", "+34666777888"])
def test_a_ref_that_fits_two_is_refused_with_their_ids(shell: Shell, ref: str) -> None:
    """Nothing is guessed where a name or number fits several clients."""
    shell.add()
    shell.add(number_id="77")
    assert_refused(shell.run("client", "show", ref), 1, "several clients", "1, 2")


@pytest.mark.parametrize("ref", ["3", "la plaza", "99999999999999999999", "", "-x", "' OR 1=1"])
def test_an_unknown_ref_is_refused(shell: Shell, ref: str) -> None:
    """What fits nothing is refused, and the refusal says how to see what there is."""
    shell.add()
    assert_refused(shell.run("client", "show", "--", ref), 1, "released client list")
