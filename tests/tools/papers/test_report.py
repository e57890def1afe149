"""Signed reports: a change is refused, the signer is named, and the page says what the record does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2
import pytest

from lyhord_tools.errors import ToolError
from lyhord_tools.papers.record import Device, Record, Step, Verdict, canonical, read
from tests.tools.conftest import Ran, private

RECORD = Record(
    Device("devkit_rfm95", "246f28fe4b2e", "node", "1.0.0", "1.28.0", "800025", "Åkergränd 3", "bin"),
    (
        Step("ranger", Verdict.passed, 812, "mm", 20, 5000),
        Step("thermometer", Verdict.failed, None, "0.1 °C", -300, 600, "nothing measured", "its plug?"),
        Step("link", Verdict.skipped, detail="no gateway"),
    ),
    "2026-12-01T12:00:00Z",
    "Åsa Öberg",
    "ab" * 32,
)


@pytest.fixture
def signed(lyhord: Callable[..., Ran], tmp_path: Path) -> Path:
    """A signed report; its technician's key is `key.pem` beside it, the public half `key.pub`."""
    ran = lyhord("report", "key", tmp_path / "key.pem")
    assert ran.code == 0 and (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in ran.out
    (tmp_path / "key.pub").write_text(ran.out.partition("fingerprint")[0])
    (tmp_path / "record.json").write_text(json.dumps(RECORD.told()))
    words = ("record.json", "signed.json", "--key", "key.pem", "--pdf", "page.pdf")
    names = [tmp_path / word if "." in word else word for word in words]
    assert lyhord("report", "sign", *names).code == 0
    return tmp_path / "signed.json"


def test_a_report_says_who_signed_it_unchanged(lyhord: Callable[..., Ran], signed: Path) -> None:
    ran = lyhord("report", "verify", signed)
    assert ran.code == 0 and "node 800025, fail" in ran.out and "--key says whose" in ran.out
    ran = lyhord("report", "verify", signed, "--key", signed.with_name("key.pub"), "--json")
    told = json.loads(ran.out)
    assert told["valid"] and told["signer_known"] and read({k: told[k] for k in RECORD.told()}) == RECORD


def changes(told: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The way to every value in it."""
    if isinstance(told, dict | list):
        for key in told if isinstance(told, dict) else range(len(told)):
            yield from changes(told[key], (*path, key))
    else:
        yield path


def test_a_change_of_any_value_is_refused(lyhord: Callable[..., Ran], signed: Path) -> None:
    whole = json.loads(signed.read_text())
    ways = list(changes(whole))
    assert len(ways) > 30
    for way in ways:
        told = json.loads(signed.read_text())
        at = told
        for key in way[:-1]:
            at = at[key]
        value = at[way[-1]]
        at[way[-1]] = f"{value}x" if isinstance(value, str) else (value or 0) + 1
        signed.with_name("changed.json").write_text(json.dumps(told))
        said = lyhord("report", "verify", signed.with_name("changed.json")).refused()
        assert "does not hold" in said or "expected a sign" in said, way


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-200],
        lambda text: "",
        lambda text: "[]",
        lambda text: "{" * 5000,
        lambda text: text.replace('"record"', '"Record"'),
        lambda text: json.dumps(json.loads(text) | {"more": 1}),
        lambda text: text.replace("812", "812.0"),
        lambda text: text.replace("812", "1e400"),
        lambda text: text.replace('"verdict": "fail"', '"verdict": "pass", "verdict": "fail"', 1),
    ],
)
def test_what_is_no_report_is_one_line(
    spoil: Callable[[str], str], lyhord: Callable[..., Ran], signed: Path
) -> None:
    signed.with_name("other.json").write_text(spoil(signed.read_text()))
    lyhord("report", "verify", signed.with_name("other.json")).refused()


def test_a_report_by_somebody_else_is_refused_where_the_key_is_named(
    lyhord: Callable[..., Ran], signed: Path
) -> None:
    ran = lyhord("report", "key", signed.with_name("other.pem"))
    public = signed.with_name("other.pub")
    public.write_text(ran.out.partition("fingerprint")[0])
    assert "signed with another key" in lyhord("report", "verify", signed, "--key", public).refused()
    assert "expected a public key" in lyhord("report", "verify", signed, "--key", signed).refused()


def test_the_key_is_never_shown(lyhord: Callable[..., Ran], signed: Path) -> None:
    secret = signed.with_name("key.pem").read_text().splitlines()[1]
    told = signed.read_text() + signed.with_name("page.pdf").read_bytes().decode("latin-1")
    assert secret not in told
    bad = private(signed.with_name("bad.pem"), secret)
    words = ("report", "sign", signed.with_name("record.json"), signed.with_name("x.json"), "--key", bad)
    said = lyhord(*words).refused()
    assert "expected a key of lyhord report key" in said and secret not in said
    assert "not there yet" in lyhord("report", "key", signed.with_name("key.pem")).refused()


def test_the_page_says_what_the_record_does(signed: Path) -> None:
    document = pypdfium2.PdfDocument(signed.with_name("page.pdf"))
    assert len(document) == 1
    text = document[0].get_textpage().get_text_bounded()
    for words in ("Node 800025", "FAIL", "812 mm", "20 to 5000", "Åkergränd 3", "Åsa Öberg", "246f28fe4b2e"):
        assert words in text, words


def test_a_record_of_many_long_steps_stays_on_one_page(lyhord: Callable[..., Ran], signed: Path) -> None:
    steps = tuple(Step("step " * 20, Verdict.failed, 1, "unit " * 20, 0, 9, "seen " * 50) for _ in range(60))
    told = Record(RECORD.device, steps, RECORD.made).told()
    signed.with_name("long.json").write_text(json.dumps(told))
    page = signed.with_name("long.pdf")
    words = ("long.json", "l.json", "--key", "key.pem")
    names = [signed.with_name(word) if "." in word else word for word in words]
    assert lyhord("report", "sign", *names, "--pdf", page).code == 0
    document = pypdfium2.PdfDocument(page)
    text = document[0].get_textpage().get_text_bounded()
    assert len(document) == 1 and "more steps in the JSON record" in text


def test_a_record_with_anything_anywhere_is_signed_or_refused_by_one_line(
    lyhord: Callable[..., Ran], signed: Path
) -> None:
    where = {name: signed.with_name(name) for name in ("odd.json", "o.json", "key.pem", "o.pdf")}
    words = [where.get(word, word) for word in ("odd.json", "o.json", "--key", "key.pem", "--pdf", "o.pdf")]
    signed_ones = 0
    for way in changes(RECORD.told()):
        for odd in (5, True, None, "g00000", "x\x1b[2J\n♥", [], 1.5, 1 << 53):
            told = json.loads(json.dumps(RECORD.told()))
            at = told
            for key in way[:-1]:
                at = at[key]
            at[way[-1]] = odd
            where["odd.json"].write_text(json.dumps(told))
            where["o.json"].unlink(missing_ok=True)
            where["o.pdf"].unlink(missing_ok=True)
            ran = lyhord("report", "sign", *words)
            if ran.code == 0:
                signed_ones += 1
                assert lyhord("report", "verify", where["o.json"]).code == 0, (way, odd)
            else:
                ran.refused()
                assert not where["o.json"].exists() and not where["o.pdf"].exists(), (way, odd)
    assert signed_ones > 50, "texts may be any text"


@pytest.mark.parametrize("text", ["", "[" * 100000, "nul", "\ufeff{}", "9" * 5000])
def test_what_is_no_record_is_one_line(text: str, lyhord: Callable[..., Ran], signed: Path) -> None:
    signed.with_name("odd.json").write_text(text)
    words = ("report", "sign", signed.with_name("odd.json"), signed.with_name("x.json"))
    assert "expected" in lyhord(*words, "--key", signed.with_name("key.pem")).refused()


@pytest.mark.parametrize(
    "told", [{"a": 1.5}, {"a": 1 << 53}, {"å": 1}, {"a": "\ud800"}, {"a": b""}, [[[[[[[[1]]]]]]]]]
)
def test_what_has_no_canonical_form_is_refused(told: object) -> None:
    with pytest.raises(ToolError):
        canonical(told)


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    told = {"b": [1, True, None], "a": 'ö\n"\u0007'}
    assert canonical(told) == '{"a":"ö\\n\\"\\u0007","b":[1,true,null]}'.encode()


@pytest.mark.parametrize(
    "change",
    [{"form": 2}, {"steps": 5}, {"device": {}}, {"more": 1}, {"verdict": "pass"}, {"steps": [{"name": "x"}]}],
)
def test_a_record_that_is_none_is_one_line(change: dict[str, object]) -> None:
    with pytest.raises(ToolError):
        read(RECORD.told() | change)
